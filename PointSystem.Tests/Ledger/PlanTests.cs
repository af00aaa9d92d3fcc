using Npgsql;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>
/// A generic plan of a prepared statement is made once for all values and lives as long as its connection. These tests make each plan while the
/// tables are nearly empty, with and without statistics. Then the tables grow, and a command must still read only the rows it needs.
/// </summary>
public sealed class PlanTests(PointsDatabase server)
{
    private const int Others = 20_000;

    // What one command or query may read: rows and index entries, and blocks. More than any needs, fewer than the smallest index has.
    private const long RowsMax = 200;
    private const long BlocksMax = 180;

    private static readonly string[] Tables =
    [
        "member_wallets", "point_accumulations", "point_ledger_entries", "balance_checkpoints", "point_usages", "point_usage_details", "usage_cancellations",
        "point_transfers", "idempotency_answers", "idempotency_keys",
    ];

    // Other members, each with an expired lot that is not posted, a live lot, a usage, a transfer, a cancellation and a stored answer.
    private static readonly string[] Growth =
    [
        """
        INSERT INTO member_wallets (member_id, balance, manual_balance, version, last_entry_at)
        SELECT 1000000 + m, 100, 0, 3, now() FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO point_accumulations (member_id, lot_id, point_key, amount, available_amount, used_amount, cancelled_amount, expired_amount,
            expiration_date, is_manual_grant, created_at, updated_at)
        SELECT 1000000 + m, l, 'acc' || m || '.' || l, 100, 99, 1, 0, 0,
            CASE l WHEN 1 THEN date '2025-01-01' ELSE date '2030-01-01' END, m % 2 = 0, now(), now()
        FROM generate_series(1, $1) AS m, generate_series(1, 2) AS l
        """,
        """
        INSERT INTO point_ledger_entries (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor)
        SELECT 1000000 + m, s, s, 'ACCUMULATE', 'acc' || m || '.' || s, s, 100, 100 * s, now(), 'test'
        FROM generate_series(1, $1) AS m, generate_series(1, 3) AS s
        """,
        """
        INSERT INTO point_usages (member_id, usage_id, point_key, order_number, total_amount, cancelled_amount, created_at, updated_at)
        SELECT 1000000 + m, 3, 'use' || m, 'A1', 1, 0, now(), now() FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO point_usage_details (member_id, usage_id, detail_number, lot_id, amount, cancelled_amount)
        SELECT 1000000 + m, 3, 1, 1, 1, 0 FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO usage_cancellations (member_id, first_sequence, last_sequence, point_key, usage_id, amount, created_at)
        SELECT 1000000 + m, 9, 9, 'can' || m, 3, 1, now() FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO point_transfers (member_id, first_sequence, point_key, to_member_id, amount, created_at)
        SELECT 1000000 + m, 9, 'trf' || m, 1, 1, now() FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO idempotency_keys (key, member_id, request_hash, status, answer, created_at)
        SELECT 'k' || m, 1000000 + m, 'x', 200, 'x', timestamptz '2026-03-01' FROM generate_series(1, $1) AS m
        """,
        """
        INSERT INTO idempotency_answers (key, caller, member_id, request_hash, status, answer, created_at)
        SELECT 'a' || m, 'test', 1000000 + m, 'x', 200, 'x', timestamptz '2026-03-01' FROM generate_series(1, $1) AS m
        """,
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Plans_MadeForSmallTables_ReadOnlyTheNeededRowsOfLargeOnes(bool analyzed)
    {
        // One connection with generic plans only, and no autovacuum that gathers statistics.
        await using var database = await server.CreateDatabaseAsync(
            settings =>
            {
                settings.MaxPoolSize = 1;
                settings.Options += " -c plan_cache_mode=force_generic_plan";
            },
            Token);
        foreach (var table in Tables)
        {
            await database.ExecuteAsOwnerAsync($"ALTER TABLE {table} SET (autovacuum_enabled = off)");
        }

        var client = new LedgerClient(database, 1);
        if (analyzed)
        {
            await RunAllAsync(database, client, 1, (_, work) => work());
            await database.ExecuteAsOwnerAsync("ANALYZE");
        }

        // The statements are prepared and planned at their second use.
        for (var i = 0; i < 3; i++)
        {
            await RunAllAsync(database, client, 10 + (10 * i), (_, work) => work());
        }

        foreach (var growth in Growth)
        {
            await database.ExecuteAsync(growth, Others);
        }

        var read = new List<string>();
        await RunAllAsync(database, client, 100, async (name, work) =>
        {
            var before = await ReadAsync(database);
            await work();
            var after = await ReadAsync(database);
            var (rows, blocks) = (after.Rows - before.Rows, after.Blocks - before.Blocks);
            if (rows > RowsMax || blocks > BlocksMax)
            {
                read.Add($"{name} read {rows} rows, {blocks} blocks");
            }
        });
        Assert.True(read.Count == 0, string.Join("; ", read));
    }

    private static async Task RunAllAsync(NpgsqlDataSource database, LedgerClient client, long member, Func<string, Func<Task>, Task> measure)
    {
        var other = member + 1;
        CommandOutcome granted = null!, spare = null!;
        PointKey usage = default;
        Idempotency? Key(string operation) => Idempotency.For(new($"{operation}-{member}", "test"), operation);
        await measure(
            "accumulate", async () => granted = await client.RunAsync(new AccumulatePoints.Command(member, 100, 30, true, null, "test", Key("accumulate"))));
        await measure("accumulate again", async () => spare = await client.AccumulateAsync(member, 50, 5));
        await measure("use", async () => usage = await client.UseAsync(member, "A1", 120));
        await measure("use too much", () => client.RunAsync(new UsePoints.Command(member, "A1", 1_000_000, "test", Key("use"))));
        await measure("cancel a usage", () => client.CancelAsync(usage, 110));
        await measure("transfer", () => client.TransferAsync(member, other, 10));
        await measure("cancel an accumulation", () => client.RunAsync(new CancelAccumulation.Command(LedgerClient.KeyOf(spare), null, "test", Key("cancel"))));
        var lot = LedgerClient.KeyOf(granted);
        await measure("balance", () => BalanceQuery.ReadAsync(database, member, client.Now.Today, null, 20, Token));
        await measure("balance of an expired lot", () => BalanceQuery.ReadAsync(database, member, client.Now.Today.AddDays(20), null, 20, Token));
        var moment = PastMoment.Of(client.Clock.GetUtcNow(), LedgerClient.Zone);
        await measure("balance at a past moment", () => BalanceAtQuery.ReadAsync(database, member, moment, null, 20, Token));
        await measure("state", () => MemberStateQuery.ReadAsync(database, member, client.Now.Today, Token));
        await measure("statement", async () =>
        {
            var range = await StatementQuery.FindAsync(database, member, DateTimeOffset.MinValue, moment.At, Token);
            Assert.NotEmpty((await StatementQuery.ReadAsync(database, member, range, 0, 20, Token)).Entries);
        });
        await measure("order", () => OrderQuery.ReadAsync(database, "A1", 0, 0, 1, Token));
        await measure("order of nobody", () => OrderQuery.ReadAsync(database, "none", 0, 0, 20, Token));
        await measure("events", () => EventFeed.ReadAsync(database, EventCursor.Start, 10, Token));
        await measure("export", () => LedgerFeed.ReadAsync(database, EventCursor.Start, 10, Token));
        await measure("history", () => HistoryQuery.ReadAsync(database, new HistoryFilter(member, null, null), long.MaxValue, 20, Token));
        await measure("history of a kind", () => HistoryQuery.ReadAsync(database, new HistoryFilter(member, null, "USE"), long.MaxValue, 20, Token));
        await measure("history of an order", () => HistoryQuery.ReadAsync(database, new HistoryFilter(member, "A1", null), long.MaxValue, 20, Token));
        await measure("usage", () => UsageTraceQuery.ReadAsync(database, usage, 0, 20, Token));
        await measure("accumulation", () => AccumulationTraceQuery.ReadAsync(database, lot, 0, 20, Token));
    }

    /// <summary>
    /// Rows read from tables plus index entries found, and blocks looked at: an index of which all entries are looked through for one finds one. The server
    /// process reports its counts late unless it is told to flush them.
    /// </summary>
    private static async Task<(long Rows, long Blocks)> ReadAsync(NpgsqlDataSource database)
    {
        await database.ExecuteAsync("SELECT pg_stat_force_next_flush()");
        await using var command = database.CreateCommand(
            """
            SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY ($1))::bigint
                 + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY ($1))::bigint,
                (SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) FROM pg_statio_user_tables WHERE relname = ANY ($1))::bigint
            """);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Tables });
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }
}
