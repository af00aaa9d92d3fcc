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
    private const string DeleteChunk =
        """
        DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
        """;

    protected override async Task<bool> RunChunkAsync(CancellationToken cancellationToken)
    {
        var deleted = await dataSource.RunAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(DeleteChunk, connection);
                command.Parameters.Add(Columns.Value((_clock.GetUtcNow() - Idempotency.Retention).UtcDateTime));
                return await command.ExecuteNonQueryAsync(cancellationToken);
            },
            cancellationToken);
        if (deleted > 0)
        {
            logger.IdempotencyKeysDeleted(deleted);
        }

        return deleted > 0;
    }
}
