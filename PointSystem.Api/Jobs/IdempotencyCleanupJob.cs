using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Deletes idempotency keys older than 24 hours. (They are stored answers; the rule that nothing is ever deleted is about points.)
/// </summary>
internal sealed class IdempotencyCleanupJob(
    NpgsqlDataSource dataSource,
    JobRunner runner,
    IOptions<JobOptions> options,
    TimeProvider clock,
    ILogger<IdempotencyCleanupJob> logger) : ChunkedJob("idempotency-cleanup", options.Value.IdempotencyCleanupInterval, runner, clock, logger)
{
    private readonly TimeProvider _clock = clock;

    // SKIP LOCKED: a key that a request is renewing right now is not old any more.
    private static readonly string[] DeleteChunk =
    [
        .. new[] { "idempotency_answers", "idempotency_keys" }.Select(table =>
            $"""
            DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {table} WHERE created_at < $1 ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
            """),
    ];

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var deleted = await dataSource.RunAsync(
            async connection =>
            {
                var before = (_clock.GetUtcNow() - Idempotency.Retention).UtcDateTime;
                await using var batch = new NpgsqlBatch(connection);
                foreach (var statement in DeleteChunk)
                {
                    batch.BatchCommands.Add(Columns.Statement(statement, Columns.Value(before)));
                }

                return await batch.ExecuteNonQueryAsync(cancellationToken);
            },
            cancellationToken);
        if (deleted > 0)
        {
            logger.IdempotencyKeysDeleted(deleted);
        }

        return deleted > 0;
    }
}
