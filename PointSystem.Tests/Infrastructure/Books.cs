using System.Collections.Concurrent;
using Npgsql;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Checks in the database whether the books balance, independently of the service's own reconciliation.</summary>
public static class Books
{
    // Each branch lists the violations of one invariant. If the books balance, the result is empty.
    private const string Violations =
        """
        WITH entries AS (
            SELECT member_id, count(*) AS entries, max(sequence) AS last, sum(delta) AS total
            FROM point_ledger_entries WHERE member_id = ANY ($1) GROUP BY member_id
        ), running AS (
            SELECT member_id, sequence, balance_after,
                   sum(delta) OVER (PARTITION BY member_id ORDER BY sequence) AS running,
                   occurred_at < lag(occurred_at) OVER (PARTITION BY member_id ORDER BY sequence) AS runs_back
            FROM point_ledger_entries WHERE member_id = ANY ($1)
        )
        SELECT format('member %s: %s entries, last sequence %s', member_id, entries, last) FROM entries WHERE entries <> last
        UNION ALL
        SELECT format('member %s: entry %s has balance-after %s, the sum is %s', member_id, sequence, balance_after, running)
        FROM running WHERE balance_after <> running
        UNION ALL
        SELECT format('member %s: entry %s is older than the one before', member_id, sequence) FROM running WHERE runs_back
        UNION ALL
        SELECT format('member %s: wallet %s at version %s, ledger %s at %s', w.member_id, w.balance, w.version, e.total, e.last)
        FROM member_wallets w LEFT JOIN entries e USING (member_id)
        WHERE w.member_id = ANY ($1) AND (w.balance <> coalesce(e.total, 0) OR w.version <> coalesce(e.last, 0))
        UNION ALL
        SELECT format('member %s: wallet %s, lots hold %s', w.member_id, w.balance, coalesce(sum(a.available_amount), 0))
        FROM member_wallets w LEFT JOIN point_accumulations a USING (member_id)
        WHERE w.member_id = ANY ($1) GROUP BY w.member_id, w.balance, w.manual_balance
        HAVING w.balance <> coalesce(sum(a.available_amount), 0)
            OR w.manual_balance <> coalesce(sum(a.available_amount) FILTER (WHERE a.is_manual_grant), 0)
        UNION ALL
        SELECT format('lot %s: available %s, its entries say %s', a.point_key, a.available_amount, sum(e.delta))
        FROM point_accumulations a JOIN point_ledger_entries e ON e.member_id = a.member_id AND e.lot_id = a.lot_id
        WHERE a.member_id = ANY ($1) GROUP BY a.point_key, a.available_amount HAVING a.available_amount <> sum(e.delta)
        UNION ALL
        SELECT format('usage %s: total %s, cancelled %s, its details say %s and %s',
            u.point_key, u.total_amount, u.cancelled_amount, sum(d.amount), sum(d.cancelled_amount))
        FROM point_usages u LEFT JOIN point_usage_details d ON d.member_id = u.member_id AND d.usage_id = u.usage_id
        WHERE u.member_id = ANY ($1) GROUP BY u.point_key, u.total_amount, u.cancelled_amount
        HAVING u.total_amount IS DISTINCT FROM sum(d.amount) OR u.cancelled_amount IS DISTINCT FROM sum(d.cancelled_amount)
        UNION ALL
        SELECT format('usage %s: cancelled %s, its cancellations say %s', u.point_key, u.cancelled_amount, coalesce(sum(c.amount), 0))
        FROM point_usages u LEFT JOIN usage_cancellations c ON c.member_id = u.member_id AND c.usage_id = u.usage_id
        WHERE u.member_id = ANY ($1) GROUP BY u.point_key, u.cancelled_amount HAVING u.cancelled_amount <> coalesce(sum(c.amount), 0)
        """;

    private static readonly ConcurrentDictionary<string, NpgsqlDataSource> Databases = new(StringComparer.Ordinal);

    /// <summary>Fails with every violation in the books of these members.</summary>
    public static async Task AssertBalancedAsync(string connectionString, params IReadOnlyCollection<long> members) =>
        Assert.Empty(await TextsAsync(connectionString, Violations, (object)members.ToArray()));

    /// <summary>The number that a query returns.</summary>
    public static async Task<long> CountAsync(string connectionString, string sql, params IReadOnlyList<object> values) =>
        Assert.Single(await RowsAsync(connectionString, sql, row => row.GetInt64(0), values));

    /// <summary>The first column of a query's rows.</summary>
    public static Task<IReadOnlyList<string>> TextsAsync(string connectionString, string sql, params IReadOnlyList<object> values) =>
        RowsAsync(connectionString, sql, row => row.GetString(0), values);

    /// <summary>The rows of a query, which runs twice if its pooled connection has been ended.</summary>
    public static async Task<IReadOnlyList<T>> RowsAsync<T>(
        string connectionString, string sql, Func<NpgsqlDataReader, T> read, params IReadOnlyList<object> values)
    {
        var database = Databases.GetOrAdd(connectionString, static given => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(given)
        {
            // Most queries are asked again and again until they have the awaited answer. Afterwards their sessions must not be in anybody's way.
            Pooling = true,
            MinPoolSize = 0,
            ConnectionIdleLifetime = 1,
            ConnectionPruningInterval = 1,
        }));
        try
        {
            return await RowsAsync(database, sql, read, values);
        }
        catch (NpgsqlException ended) when (ended is not PostgresException { IsTransient: false })
        {
            database.Clear();
            return await RowsAsync(database, sql, read, values);
        }
    }

    private static async Task<IReadOnlyList<T>> RowsAsync<T>(NpgsqlDataSource database, string sql, Func<NpgsqlDataReader, T> read, IReadOnlyList<object> values)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await using var reader = await command.ExecuteReaderAsync(Token);
        var rows = new List<T>();
        while (await reader.ReadAsync(Token))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>The balance of a member's wallet.</summary>
    public static Task<long> BalanceAsync(string connectionString, long member) =>
        CountAsync(connectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member);

    /// <summary>The number of usages of these members.</summary>
    public static Task<long> UsagesAsync(string connectionString, params long[] members) =>
        CountAsync(connectionString, "SELECT count(*) FROM point_usages WHERE member_id = ANY ($1)", (object)members);

    /// <summary>The number of sessions that wait for a lock of the given session, and have waited for at least so long.</summary>
    public static Task<long> BlockedByAsync(string connectionString, int processId, double waitedSeconds = 0) => CountAsync(
        connectionString,
        "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) AND clock_timestamp() - query_start >= make_interval(secs => $2)",
        processId, waitedSeconds);
}
