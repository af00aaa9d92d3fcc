using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Features;

public sealed class BalanceReadTests(PointsDatabase server)
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 7)]
    [InlineData(3, 20)]
    public async Task ReadAsync_AtEveryMoment_EqualsAReplayOfTheLedger(int seed, int entriesBetweenCheckpoints)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        for (var i = 0; i < 60; i++)
        {
            await client.StepAsync(member, other);
        }

        client.Clock.Advance(TimeSpan.FromDays(3));
        foreach (var id in new[] { member, other })
        {
            var ledger = await client.LedgerAsync(id);
            Assert.NotEmpty(ledger);
            if (entriesBetweenCheckpoints > 0)
            {
                await CheckpointJob.KeepAsync(database, new CheckpointWallet(id, ledger.Count, 0, 0, true), entriesBetweenCheckpoints, Token);
            }

            var days = Enumerable.Range(0, (int)(client.Clock.GetUtcNow() - ledger[0].OccurredAt).TotalDays)
                .Select(day => ledger[0].OccurredAt.AddDays(day));
            var moments = ledger.SelectMany(line => new[] { line.OccurredAt.AddMicroseconds(-1), line.OccurredAt }).Concat(days).Distinct();
            foreach (var at in moments)
            {
                var moment = PastMoment.Of(at, LedgerClient.Zone);
                var read = await ReadAllAsync((after, count) =>
                    BalanceAtQuery.ReadAsync(database, id, moment, after, count, Token));
                AssertReplay(ledger, moment, read);
            }

            var today = client.Now.Today;
            var live = await ReadAllAsync((after, count) =>
                BalanceQuery.ReadAsync(database, id, today, after, count, Token));
            AssertReplay(ledger, new PastMoment(client.Now.Now, today), live);
        }
    }

    // Planned as a join, the query took more than ten minutes for a member with 250,000 entries. It now takes less than half a second.
    [Fact]
    public async Task ReadAsync_ManyLotsChangedSince_LooksUpEachOnce()
    {
        const int Lots = 1_000;
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        foreach (var table in new[] { "point_accumulations", "point_ledger_entries" })
        {
            await database.ExecuteAsOwnerAsync($"ALTER TABLE {table} SET (autovacuum_enabled = off)");
        }

        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        // The statistics cover only other members, as for a new one: with so few lots, any index looks good to the planner.
        foreach (var another in new[] { PointsClient.NewMember(), PointsClient.NewMember() })
        {
            await client.GrantManyAsync(another, Lots, 10);
        }

        await database.ExecuteAsOwnerAsync("ANALYZE");
        await client.GrantManyAsync(member, Lots + 1, 5);
        var moment = PastMoment.Of(client.Clock.GetUtcNow(), LedgerClient.Zone);
        client.Clock.Advance(TimeSpan.FromDays(1));
        await client.GrantManyAsync(member, Lots, 10);
        var before = await ReadRowsAsync(database, "point_accumulations");

        var then = await BalanceAtQuery.ReadAsync(database, member, moment, null, 21, Token);

        Assert.Equal((5L * (Lots + 1), 21), (then.Balance, then.Lots.Count));
        Assert.InRange(await ReadRowsAsync(database, "point_accumulations") - before, Lots, 10 * Lots);
    }

    /// <summary>The job makes the checkpoints; a read then costs the same however many entries have followed the moment.</summary>
    [Fact]
    public async Task ReadAsync_ManyEntriesSince_ReadsFewOfThem()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.GrantManyAsync(member, 1_200, 1);
        await client.UseAsync(member, "A1", 1_100);
        var moment = PastMoment.Of(client.Clock.GetUtcNow(), LedgerClient.Zone);
        client.Clock.Advance(TimeSpan.FromDays(1));
        await client.GrantManyAsync(member, 4_000, 1);
        await using (var replica = await LockReplica.StartAsync(new MemoryLockStore(TimeProvider.System), []))
        {
            using var job = new CheckpointJob(
                database, replica.Runner(database), Options.Create(new JobOptions()), TimeProvider.System, NullLogger<CheckpointJob>.Instance);
            await job.StartAsync(Token);
            // At 1,000, 2,000 and 3,000, where the member has so many lots that the next one is farther away.
            await Eventually.HoldsAsync(
                async () => await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM balance_checkpoints") >= 3, "the checkpoints");
            await job.StopAsync(Token);
        }

        var before = await ReadRowsAsync(database, "point_accumulations", "point_ledger_entries", "balance_checkpoints");

        var then = await BalanceAtQuery.ReadAsync(database, member, moment, null, 21, Token);

        Assert.Equal((100L, 21, 2_300L, 6_300L), (then.Balance, then.Lots.Count, then.State.Version, then.CurrentVersion));
        Assert.InRange(await ReadRowsAsync(database, "point_accumulations", "point_ledger_entries", "balance_checkpoints") - before, 300, 1_500);
    }

    [Theory]
    [InlineData("{1}", "{999}")]
    [InlineData("{}", "{}")]
    public async Task ReadAsync_CheckpointThatDisagreesWithTheLedger_IsNotUsed(string lots, string points)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 5);
        var moment = PastMoment.Of(client.Clock.GetUtcNow(), LedgerClient.Zone);
        client.Clock.Advance(TimeSpan.FromDays(1));
        await client.GrantManyAsync(member, 10, 1);
        await database.ExecuteAsync($"INSERT INTO balance_checkpoints VALUES ($1, 1, '{lots}', '{points}')", member);

        var then = await BalanceAtQuery.ReadAsync(database, member, moment, null, 21, Token);

        Assert.Equal((5L, 1L, 1), (then.Balance, then.State.Version, then.Lots.Count));
    }

    private static async Task<long> ReadRowsAsync(NpgsqlDataSource database, params string[] tables)
    {
        await database.ExecuteAsync("SELECT pg_stat_force_next_flush()");
        await using var command = database.CreateCommand("SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = ANY ($1)");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = tables });
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }

    [Fact]
    public async Task ReadAsync_UnknownMember_IsZero()
    {
        var database = await server.GetAsync(Token);
        var today = new DateOnly(2026, 3, 1);
        var live = await BalanceQuery.ReadAsync(database, PointsClient.NewMember(), today, null, 21, Token);
        var first = PastMoment.Of(DateTimeOffset.MinValue, LedgerClient.Zone);
        var past = await BalanceAtQuery.ReadAsync(database, PointsClient.NewMember(), first, null, 21, Token);
        Assert.Equal((0L, 0L, 0), (live.Balance, live.ManualBalance, live.Lots.Count));
        Assert.Equal((0L, 0L, 0), (past.Balance, past.ManualBalance, past.Lots.Count));
    }

    private static void AssertReplay(IEnumerable<LedgerLine> ledger, PastMoment moment, BalanceSnapshot read)
    {
        var lots = ledger.Where(line => line.OccurredAt <= moment.At)
            .GroupBy(line => line.LotKey)
            .Select(lot => (Line: lot.First(), Points: lot.Sum(line => line.Delta)))
            .Where(lot => lot.Points > 0 && lot.Line.ExpirationDate >= moment.Date)
            .OrderByDescending(lot => lot.Line.IsManualGrant).ThenBy(lot => lot.Line.ExpirationDate)
            .ThenBy(lot => lot.Line.CreatedAt).ThenBy(lot => lot.Line.LotId)
            .ToList();
        Assert.Equal(lots.Select(lot => (lot.Line.LotKey, lot.Points)), read.Lots.Select(lot => (lot.Key.Value, lot.Available)));
        Assert.Equal(lots.Sum(lot => lot.Points), read.Balance);
        Assert.Equal(lots.Where(lot => lot.Line.IsManualGrant).Sum(lot => lot.Points), read.ManualBalance);
    }

    private static async Task<BalanceSnapshot> ReadAllAsync(Func<DrawPosition?, int, Task<BalanceSnapshot>> read)
    {
        const int size = 3;
        var page = await read(null, size + 1);
        var all = page.Lots.Take(size).ToList();
        while (page.Lots.Count > size)
        {
            var cursor = DrawPosition.Of(all[^1]).ToCursor("list");
            Assert.True(DrawPosition.TryRead("list", cursor, out var position));
            page = await read(position, size + 1);
            all.AddRange(page.Lots.Take(size));
        }

        return page with { Lots = all };
    }
}
