using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Reconciliation;

public sealed class MemberReconcilerTests(PointsDatabase server)
{
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Reconcile_AfterARandomHistory_Matches(int seed)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        for (var i = 0; i < 120; i++)
        {
            await client.StepAsync(member, other);
        }

        await using var reconcilers = new Reconcilers(database);
        foreach (var id in new[] { member, other })
        {
            var report = await reconcilers.Members.ReconcileAsync(id, Reconcilers.Tester, Token);
            Assert.Empty(report.Findings);
            Assert.Equal("MATCHED", report.Status);
            Assert.Equal([report.LedgerBalance, report.LedgerBalance], [report.WalletBalance, report.LotsBalance]);
            Assert.Equal(report, (await reconcilers.Members.InspectAsync([id], 3, Token))[0] with { Findings = report.Findings });
        }
    }

    [Fact]
    public async Task Reconcile_UnknownMember_MatchesWithZeros()
    {
        await using var reconcilers = new Reconcilers(await server.GetAsync(Token));
        var report = await reconcilers.Members.ReconcileAsync(PointsClient.NewMember(), Reconcilers.Tester, Token);
        Assert.Equal(("MATCHED", 0, 0, 0), (report.Status, report.WalletBalance, report.LedgerBalance, report.LotsBalance));
    }

    [Theory]
    [InlineData("UPDATE member_wallets SET balance = balance + 100 WHERE member_id = @m")]
    [InlineData("UPDATE member_wallets SET manual_balance = manual_balance - 1 WHERE member_id = @m")]
    [InlineData("UPDATE member_wallets SET version = version + 1 WHERE member_id = @m")]
    [InlineData("UPDATE member_wallets SET version = version - 1 WHERE member_id = @m")]
    [InlineData("UPDATE member_wallets SET balance = balance + 7, version = version + 1 WHERE member_id = @m")]
    [InlineData(
        "UPDATE point_accumulations SET available_amount = available_amount - 1, used_amount = used_amount + 1 "
        + "WHERE member_id = @m AND available_amount > 0")]
    [InlineData("UPDATE point_accumulations SET used_amount = used_amount - 1, expired_amount = expired_amount + 1 WHERE member_id = @m AND used_amount > 0")]
    [InlineData("DELETE FROM member_wallets WHERE member_id = @m")]
    public async Task Reconcile_DerivedFigureIsWrong_IsCorrected(string tamper)
    {
        var (database, member) = await StartAsync();
        var before = await Reconcilers.DumpAsync(database, member);
        await Reconcilers.TamperAsync(database, tamper, member);
        await using var reconcilers = new Reconcilers(database);

        var report = await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token);

        Assert.Equal("CORRECTED", report.Status);
        Assert.NotEmpty(report.Findings);
        Assert.Equal(before, await Reconcilers.DumpAsync(database, member));
        Assert.Equal("MATCHED", (await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token)).Status);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Theory]
    [InlineData("UPDATE point_ledger_entries SET delta = delta + 1 WHERE member_id = @m AND sequence = 2")]
    [InlineData("UPDATE point_ledger_entries SET balance_after = balance_after + 1 WHERE member_id = @m AND sequence = 3")]
    [InlineData("UPDATE point_ledger_entries SET lot_id = 1 WHERE member_id = @m AND sequence = 2")]
    [InlineData("UPDATE point_ledger_entries SET lot_id = 999 WHERE member_id = @m AND sequence = 1")]
    [InlineData("DELETE FROM point_ledger_entries WHERE member_id = @m AND sequence = 1")]
    [InlineData("DELETE FROM point_ledger_entries WHERE member_id = @m AND sequence = 4")]
    [InlineData("DELETE FROM point_ledger_entries WHERE member_id = @m")]
    [InlineData("DELETE FROM point_ledger_entries WHERE member_id = @m AND sequence = (SELECT max(sequence) FROM point_ledger_entries WHERE member_id = @m)")]
    [InlineData("UPDATE point_usage_details SET amount = amount + 1 WHERE member_id = @m AND detail_number = 1")]
    [InlineData("DELETE FROM point_usage_details WHERE member_id = @m AND detail_number = 1")]
    [InlineData("UPDATE point_usage_details SET lot_id = 2 WHERE member_id = @m AND lot_id = 1")]
    [InlineData("UPDATE point_usages SET total_amount = total_amount + 1 WHERE member_id = @m")]
    [InlineData("UPDATE point_usages SET cancelled_amount = cancelled_amount + 1 WHERE member_id = @m")]
    [InlineData("DELETE FROM usage_cancellations WHERE member_id = @m")]
    [InlineData(
        "WITH d AS (DELETE FROM point_usage_details WHERE member_id = @m), c AS (DELETE FROM usage_cancellations WHERE member_id = @m) "
        + "DELETE FROM point_usages WHERE member_id = @m")]
    [InlineData("DELETE FROM point_accumulations WHERE member_id = @m AND lot_id = 1")]
    [InlineData("UPDATE point_accumulations SET amount = amount + 1, available_amount = available_amount + 1 WHERE member_id = @m AND lot_id = 2")]
    [InlineData("UPDATE point_transfers SET amount = amount + 1 WHERE member_id = @m")]
    public async Task Reconcile_BooksContradictThemselves_IsBrokenAndUnchanged(string tamper)
    {
        var (database, member) = await StartAsync();
        await Reconcilers.TamperAsync(database, tamper, member);
        var before = await Reconcilers.DumpAsync(database, member);
        await using var reconcilers = new Reconcilers(database);

        var report = await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token);

        Assert.Equal("BROKEN", report.Status);
        Assert.NotEmpty(report.Findings);
        Assert.Equal(before, await Reconcilers.DumpAsync(database, member));
    }

    // Unlike any other missing entry, the last one leaves no gap in the sequence.
    [Theory]
    [InlineData("cancel")]
    [InlineData("expire")]
    [InlineData("transfer")]
    [InlineData("use")]
    public async Task Reconcile_LastEntryIsMissing_IsBroken(string last)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var lot = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 10));
        switch (last)
        {
            case "cancel":
                await client.RunAsync(new CancelAccumulation.Command(lot, null, "test", null));
                break;
            case "transfer":
                await client.TransferAsync(member, other, 100);
                break;
            case "use":
                await client.UseAsync(member, "A1", 100);
                break;
            default:
                await client.AccumulateAsync(member, 1, days: 100);
                client.Clock.Advance(TimeSpan.FromDays(20));
                await client.UseAsync(member, "A1", 1);
                await Reconcilers.TamperAsync(
                    database,
                    """
                    DELETE FROM point_usages WHERE member_id = @m; DELETE FROM point_usage_details WHERE member_id = @m;
                    DELETE FROM point_ledger_entries WHERE member_id = @m AND kind = 'USE';
                    UPDATE member_wallets SET version = version - 1, balance = 1 WHERE member_id = @m;
                    UPDATE point_accumulations SET available_amount = 1, used_amount = 0 WHERE member_id = @m AND used_amount = 1
                    """,
                    member);
                break;
        }

        await using var reconcilers = new Reconcilers(database);
        Assert.Equal("MATCHED", (await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token)).Status);
        await Reconcilers.TamperAsync(
            database, "DELETE FROM point_ledger_entries WHERE member_id = @m AND sequence = (SELECT version FROM member_wallets WHERE member_id = @m)", member);

        Assert.Equal("BROKEN", (await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token)).Status);
    }

    [Fact]
    public async Task Reconcile_ThousandsOfContradictions_ListsTheFirstHundredAndCountsTheRest()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.GrantManyAsync(member, 1_500, 10);
        await Reconcilers.TamperAsync(database, "UPDATE point_ledger_entries SET balance_after = balance_after + 1 WHERE member_id = @m", member);
        await using var reconcilers = new Reconcilers(database);

        var report = await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token);

        Assert.Equal(("BROKEN", 101), (report.Status, report.Findings.Count));
        Assert.Equal("Further findings not listed: 1400.", report.Findings[^1]);
    }

    // Both reports are made while another session holds the member's row, because only a correction locks it.
    [Theory]
    [InlineData(null, "MATCHED")]
    [InlineData("UPDATE point_ledger_entries SET delta = delta + 1 WHERE member_id = @m AND sequence = 2", "BROKEN")]
    public async Task Reconcile_NothingToCorrect_LocksNoRow(string? tamper, string status)
    {
        var (database, member) = await StartAsync();
        if (tamper is not null)
        {
            await Reconcilers.TamperAsync(database, tamper, member);
        }

        await using var reconcilers = new Reconcilers(database);
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, member);

        Assert.Equal(status, (await reconcilers.Members.ReconcileAsync(member, Reconcilers.Tester, Token)).Status);
    }

    /// <summary>
    /// The rows of each plan node, including those it discards, are a small multiple of the entries, however few rows the planner estimates.
    /// (With the nested loops that it then prefers, 2,000 entries made 2,000 times 2,000 rows.)
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task Findings_WithoutStatistics_CostIsLinearInTheEntries(int members)
    {
        const int Lots = 1_000;
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        string[] tables =
        [
            "member_wallets", "point_accumulations", "point_ledger_entries", "point_usages", "point_usage_details", "usage_cancellations", "point_transfers",
        ];
        foreach (var table in tables)
        {
            await database.ExecuteAsOwnerAsync($"ALTER TABLE {table} SET (autovacuum_enabled = off)");
        }

        var client = new LedgerClient(database, 1);
        var ids = Enumerable.Range(0, members).Select(_ => PointsClient.NewMember()).ToArray();
        foreach (var id in ids)
        {
            await client.GrantManyAsync(id, Lots / members, 10);
            await client.ExecuteAsync([.. Enumerable.Range(0, Lots / members).Select(i => new UsePoints.Command(id, $"A{i}", 10, "test", null))]);
        }

        await using var connection = await database.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);
        await using var settings = new NpgsqlCommand(ReconciliationSql.Settings, connection) { Parameters = { Columns.Value("60000") } };
        await settings.ExecuteNonQueryAsync(Token);
        await using var explain = new NpgsqlCommand("EXPLAIN (ANALYZE, TIMING off, FORMAT json) " + ReconciliationSql.Findings, connection)
        {
            Parameters = { Columns.Longs(ids, id => id), Columns.Value(100) },
        };
        var plan = JsonNode.Parse((string)(await explain.ExecuteScalarAsync(Token))!)!;

        Assert.InRange(MaxRows(plan[0]!["Plan"]!), 1, 2 * 2 * Lots);
    }

    private static double MaxRows(JsonNode node)
    {
        double Of(string name) => node[name]?.GetValue<double>() ?? 0;
        var own = (Of("Actual Rows") + Of("Rows Removed by Filter") + Of("Rows Removed by Join Filter")) * Of("Actual Loops");
        return Math.Max(own, (node["Plans"]?.AsArray() ?? []).Select(inner => MaxRows(inner!)).DefaultIfEmpty(0).Max());
    }

    /// <summary>Creates lots 1 (manual) and 2, a usage of both that is partly cancelled, and a transfer.</summary>
    private async Task<(NpgsqlDataSource Database, long Member)> StartAsync()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100, manual: true);
        await client.AccumulateAsync(member, 200);
        var usage = await client.UseAsync(member, "A1", 150);
        await client.CancelAsync(usage, 60);
        Assert.Null((await client.TransferAsync(member, PointsClient.NewMember(), 10)).Error);
        return (database, member);
    }
}
