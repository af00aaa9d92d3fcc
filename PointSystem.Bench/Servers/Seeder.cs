using Npgsql;

namespace PointSystem.Bench.Servers;

/// <summary>
/// Fills the database with members and lots by SQL, exactly as the ledger would have written them: wallets, lots and ledger entries
/// agree.
/// </summary>
internal static class Seeder
{
    // Same format as PointKey: base64url of the member id without leading zero bytes, and of 16 random bytes.
    private const string Functions =
        """
        CREATE OR REPLACE FUNCTION bench_key(prefix text, member_id bigint) RETURNS text LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT prefix || rtrim(translate(encode(ltrim(int8send(member_id), '\x00') || uuid_send(gen_random_uuid()), 'base64'), '+/', '-_'), '=')
        $$;
        """;

    private const string Lots =
        """
        INSERT INTO point_accumulations
            (member_id, lot_id, point_key, amount, available_amount, used_amount, cancelled_amount, expired_amount,
             expiration_date, is_manual_grant, source_point_key, created_at, updated_at)
        SELECT m, n, bench_key('acc_', m), $4, $4, 0, 0, 0, current_date + 30 + (n * 7 % 330)::int, false, NULL, at, at
        FROM generate_series($1, $1 + $2 - 1) AS m, generate_series(1, $3) AS n, (SELECT date_trunc('second', now()) AS at) AS t
        """;

    private const string Entries =
        """
        INSERT INTO point_ledger_entries
            (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor, reason)
        SELECT member_id, lot_id, lot_id, 'ACCUMULATE', point_key, lot_id, amount, amount * lot_id, created_at, 'bench', NULL
        FROM point_accumulations WHERE member_id BETWEEN $1 AND $1 + $2 - 1
        """;

    private const string Wallets =
        """
        INSERT INTO member_wallets (member_id, balance, manual_balance, version, last_entry_at)
        SELECT member_id, sum(amount), 0, count(*), max(created_at)
        FROM point_accumulations WHERE member_id BETWEEN $1 AND $1 + $2 - 1 GROUP BY member_id
        """;

    /// <summary>Adds new members.</summary>
    /// <param name="cluster">The cluster of the database.</param>
    /// <param name="first">The first member's id.</param>
    /// <param name="members">Number of members.</param>
    /// <param name="lots">Lots per member.</param>
    /// <param name="amount">Points per lot.</param>
    /// <param name="cancellationToken">Cancels the seeding.</param>
    public static async Task AddAsync(BenchCluster cluster, long first, int members, int lots, long amount, CancellationToken cancellationToken)
    {
        await using var connection = await cluster.Database.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(Functions);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(Lots, first, (long)members, (long)lots, amount);
        await ExecuteAsync(Entries, first, (long)members);
        await ExecuteAsync(Wallets, first, (long)members);
        await transaction.CommitAsync(cancellationToken);

        async Task ExecuteAsync(string sql, params long[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
            {
                command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Updates the planner's statistics, and finishes the server's background work.</summary>
    public static async Task SettleAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        foreach (var sql in new[] { "VACUUM ANALYZE", "CHECKPOINT" })
        {
            await cluster.ExecuteAsync(sql, cancellationToken);
        }
    }
}
