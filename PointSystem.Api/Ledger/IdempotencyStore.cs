using System.Text.Json.Serialization.Metadata;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Ledger;

/// <summary>
/// Idempotency keys for work that can safely be done twice (reconciliation), so that its answer need not be stored in the transaction of
/// its effect.
/// </summary>
internal sealed class IdempotencyStore(NpgsqlDataSource dataSource, TimeProvider clock)
{
    /// <summary>Takes the place of the member id of an answer for all members.</summary>
    public const long EveryMember = 0;

    // A key can have answers for several members (StoredAnswers); the caller's own come first, and among them that of the given member.
    private const string Find =
        """
        SELECT request_hash, status, answer FROM (
            SELECT caller, member_id, request_hash, status, answer, created_at FROM idempotency_answers WHERE key = $1 AND caller = $2
            UNION ALL
            SELECT '', member_id, request_hash, status, answer, created_at FROM idempotency_keys WHERE key = $1
        ) AS i
        WHERE created_at > $3 ORDER BY caller = $2 DESC, member_id = $4 DESC, created_at DESC LIMIT 1
        """;

    private const string Keep =
        """
        INSERT INTO idempotency_answers (key, caller, member_id, request_hash, status, answer, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (key, caller, member_id) DO UPDATE
        SET request_hash = excluded.request_hash, status = excluded.status, answer = excluded.answer, created_at = excluded.created_at
        WHERE idempotency_answers.created_at <= $8
        """;

    /// <summary>Returns the first answer for the key; if there is none, does the work and stores its answer.</summary>
    public async Task<CommandOutcome> GetAsync<T>(
        Idempotency? idempotency, long memberId, JsonTypeInfo<T> type, Func<long, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        if (idempotency is not null && await FindAsync(idempotency, memberId, cancellationToken) is { } earlier)
        {
            return earlier;
        }

        var outcome = CommandOutcome.Accepted(StatusCodes.Status200OK, await work(memberId, cancellationToken), type);
        if (!await KeepAsync(idempotency, memberId, outcome, cancellationToken))
        {
            // Another request with the key was faster: every repetition gets its answer.
            outcome = await FindAsync(idempotency!, memberId, cancellationToken) ?? outcome;
        }

        return outcome;
    }

    /// <summary>The first answer for the key; null if there is none.</summary>
    public Task<CommandOutcome?> FindAsync(Idempotency idempotency, long memberId, CancellationToken cancellationToken) =>
        dataSource.RunAsync(connection => FindAsync(connection, idempotency, memberId, cancellationToken), cancellationToken);

    private async Task<CommandOutcome?> FindAsync(NpgsqlConnection connection, Idempotency idempotency, long memberId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Find, connection);
        command.Parameters.Add(Columns.Value(idempotency.Key.Text));
        command.Parameters.Add(Columns.Value(idempotency.Key.Caller));
        command.Parameters.Add(Columns.Value((clock.GetUtcNow() - Idempotency.Retention).UtcDateTime));
        command.Parameters.Add(Columns.Value(memberId));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? idempotency.Replay(new StoredAnswer(
                idempotency.Key, memberId, reader.GetFieldValue<byte[]>(0), reader.GetInt16(1), reader.GetFieldValue<byte[]>(2)))
            : null;
    }

    /// <summary>Stores a first answer, if there is a key; false if the key already has an answer.</summary>
    public async Task<bool> KeepAsync(Idempotency? idempotency, long memberId, CommandOutcome outcome, CancellationToken cancellationToken)
    {
        if (idempotency is null)
        {
            return true;
        }

        var (status, answer) = outcome.Stored();
        var now = clock.GetUtcNow();
        return await dataSource.RunAsync(
            async connection =>
            {
                // Safe to repeat: the key then has one answer, this one or an earlier one.
                await using var command = new NpgsqlCommand(Keep, connection);
                command.Parameters.Add(Columns.Value(idempotency.Key.Text));
                command.Parameters.Add(Columns.Value(idempotency.Key.Caller));
                command.Parameters.Add(Columns.Value(memberId));
                command.Parameters.Add(Columns.Value(idempotency.RequestHash));
                command.Parameters.Add(Columns.Value(status));
                command.Parameters.Add(Columns.Value(answer));
                command.Parameters.Add(Columns.Value(now.UtcDateTime));
                command.Parameters.Add(Columns.Value((now - Idempotency.Retention).UtcDateTime));
                return await command.ExecuteNonQueryAsync(cancellationToken) > 0;
            },
            cancellationToken);
    }
}
