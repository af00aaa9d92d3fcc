using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>A command is decided by the date and rules at the time it gets its row locks, not at the time it starts to wait for them.</summary>
public sealed class RulesUnderTheRowTests(PointsDatabase server) : IAsyncDisposable
{
    // From the initial time of the tests to midnight in Seoul.
    private static readonly TimeSpan ToMidnight = TimeSpan.FromHours(12);

    private NpgsqlDataSource? _database;

    public async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("use")]
    [InlineData("transfer")]
    public async Task Wait_OverMidnight_SpendsNothingThatHasExpiredMeanwhile(string how)
    {
        var (database, client, member) = await StartAsync();
        await client.AccumulateAsync(member, 100, days: 1);
        await client.AccumulateAsync(member, 30, days: 20);
        client.Clock.Advance(ToMidnight + TimeSpan.FromDays(1) - TimeSpan.FromSeconds(1));
        var before = client.Clock.GetUtcNow();
        IPointCommand Spend(long amount) => how == "use"
            ? new UsePoints.Command(member, "A1", amount, "test", null)
            : new TransferPoints.Command(member, PointsClient.NewMember(), amount, null, "test", null);

        var tooMuch = await WaitingAsync(database, member, () => client.RunAsync(Spend(31)), () => client.Clock.Advance(TimeSpan.FromSeconds(2)));
        var enough = await client.RunAsync(Spend(30));

        Assert.Equal("INSUFFICIENT_POINT", tooMuch.Error?.Code);
        Assert.Null(enough.Error);
        Assert.All((await client.LedgerAsync(member)).Skip(2), line => Assert.True(line.OccurredAt > before + TimeSpan.FromSeconds(1)));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Wait_OverMidnight_AccumulatesWithTheNewDate()
    {
        var (database, client, member) = await StartAsync();
        await client.AccumulateAsync(member, 1, days: 1);
        client.Clock.Advance(ToMidnight - TimeSpan.FromSeconds(1));
        var today = client.Now.Today;

        var outcome = await WaitingAsync(
            database, member, () => client.AccumulateAsync(member, 7, days: 3), () => client.Clock.Advance(TimeSpan.FromSeconds(2)));

        Assert.Null(outcome.Error);
        Assert.Equal(today.AddDays(1 + 3), (await client.LedgerAsync(member))[^1].ExpirationDate);
    }

    /// <summary>The offset for trials (<c>CLOCK_OFFSET_DAYS</c>) moves the date by many days at once.</summary>
    [Fact]
    public async Task Wait_ClockOffsetChangesMeanwhile_UsesTheNewDate()
    {
        var (database, client, member) = await StartAsync();
        await client.AccumulateAsync(member, 100, days: 30);
        Assert.Null((await client.RunAsync(new UsePoints.Command(member, "A1", 1, "test", null))).Error);

        var outcome = await WaitingAsync(
            database, member, () => client.RunAsync(new UsePoints.Command(member, "A2", 1, "test", null)), async () =>
            {
                await database.SetConfigAsync("CLOCK_OFFSET_DAYS", "60");
                client.Clock.Advance(TimeSpan.FromSeconds(2));
            });

        Assert.Equal("INSUFFICIENT_POINT", outcome.Error?.Code);
    }

    [Fact]
    public async Task Wait_DuplicateOrdersForbiddenMeanwhile_RefusesTheDuplicate()
    {
        var (database, client, member) = await StartAsync();
        await client.AccumulateAsync(member, 100);
        await client.UseAsync(member, "A1", 10);

        var outcome = await WaitingAsync(
            database, member, () => client.RunAsync(new UsePoints.Command(member, "A1", 10, "test", null)), async () =>
            {
                await database.SetConfigAsync("ON_DUPLICATE_ORDER", "REFUSE");
                client.Clock.Advance(TimeSpan.FromSeconds(2));
            });

        Assert.Equal("DUPLICATE_ORDER", outcome.Error?.Code);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task DuplicateOrder_UsageNotFullyCancelled_IsRefused()
    {
        var (database, client, member) = await StartAsync();
        await database.SetConfigAsync("ON_DUPLICATE_ORDER", "REFUSE");
        var other = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        await client.AccumulateAsync(other, 100);
        var first = await client.UseAsync(member, "A1", 10);
        UsePoints.Command Again(long of, string order) => new(of, order, 10, "test", null);

        var refused = await client.RunAsync(Again(member, "A1"));
        Assert.Equal("DUPLICATE_ORDER", refused.Error?.Code);
        Assert.Contains(first.Value, refused.Error!.Message, StringComparison.Ordinal);
        Assert.Null((await client.RunAsync(Again(other, "A1"))).Error);
        Assert.Null((await client.RunAsync(Again(member, "a1"))).Error);

        Assert.Null((await client.CancelAsync(first, 4)).Error);
        Assert.Equal("DUPLICATE_ORDER", (await client.RunAsync(Again(member, "A1"))).Error?.Code);
        Assert.Null((await client.CancelAsync(first, null)).Error);
        Assert.Null((await client.RunAsync(Again(member, "A1"))).Error);
        Assert.Equal("DUPLICATE_ORDER", (await client.RunAsync(Again(member, "A1"))).Error?.Code);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task DuplicateOrder_CancelledAndUsedAgainInOneBatch_SeesTheEarlierCommands()
    {
        var (database, client, member) = await StartAsync();
        await database.SetConfigAsync("ON_DUPLICATE_ORDER", "REFUSE");
        await client.AccumulateAsync(member, 100);
        var first = await client.UseAsync(member, "A1", 10);
        UsePoints.Command use = new(member, "A1", 10, "test", null);

        var outcomes = await client.ExecuteAsync(
            use, new CancelUsage.Command(first, null, "why", "test", null), use, use, new UsePoints.Command(member, "B", 1, "test", null));

        Assert.Equal(["DUPLICATE_ORDER", null, null, "DUPLICATE_ORDER", null], outcomes.Select(outcome => outcome.Error?.Code));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task DuplicateOrder_ManyAtOnce_OneIsAccepted()
    {
        var (database, client, member) = await StartAsync();
        await database.SetConfigAsync("ON_DUPLICATE_ORDER", "REFUSE");
        await client.AccumulateAsync(member, 1_000);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => client.RunAsync(new UsePoints.Command(member, "A1", 10, "test", null))));

        Assert.Single(outcomes, outcome => outcome.Error is null);
        Assert.Equal(23, outcomes.Count(outcome => outcome.Error?.Code == "DUPLICATE_ORDER"));
        Assert.Equal(990, await Books.BalanceAsync(database.ConnectionString, member));
    }

    private static Task<T> WaitingAsync<T>(NpgsqlDataSource database, long member, Func<Task<T>> work, Action meanwhile) =>
        WaitingAsync(database, member, work, () =>
        {
            meanwhile();
            return Task.CompletedTask;
        });

    /// <summary>Runs the work while the test holds the member's row, and <paramref name="meanwhile"/> once the work waits for that row.</summary>
    private static async Task<T> WaitingAsync<T>(NpgsqlDataSource database, long member, Func<Task<T>> work, Func<Task> meanwhile)
    {
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, member);
        var waiting = work();
        await held.WaitForWaitersAsync();
        await meanwhile();
        await held.RollbackAsync();
        return await waiting;
    }

    /// <summary>Each test has its own database, because the configuration applies to all members.</summary>
    private async Task<(NpgsqlDataSource Database, LedgerClient Client, long Member)> StartAsync()
    {
        _database = await server.CreateDatabaseAsync(null, Token);
        return (_database, new LedgerClient(_database, 1), PointsClient.NewMember());
    }
}
