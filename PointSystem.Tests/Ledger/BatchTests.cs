using System.Text.Json.Nodes;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>Several commands of several members in one transaction, each with its own outcome.</summary>
public sealed class BatchTests(PointsDatabase server)
{
    [Fact]
    public async Task Execute_SeveralMembers_EachCommandHasItsOwnOutcome()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (a, b, c) = (PointsClient.NewMember(), PointsClient.NewMember(), PointsClient.NewMember());

        var outcomes = await client.ExecuteAsync(
            Grant(c, 100), Grant(a, 50), Use(a, 60), Use(a, 20), Use(b, 1), new TransferPoints.Command(c, b, 30, null, "test", null), Use(b, 30), Use(b, 1));

        Assert.Equal(
            [null, null, "INSUFFICIENT_POINT", null, "INSUFFICIENT_POINT", null, null, "INSUFFICIENT_POINT"], outcomes.Select(outcome => outcome.Error?.Code));
        var balances = await Task.WhenAll(new[] { a, b, c }.Select(BalanceAsync));
        Assert.Equal([30L, 0, 70], balances.AsEnumerable());
        await Books.AssertBalancedAsync(database.ConnectionString, a, b, c);

        async Task<long> BalanceAsync(long member) =>
            await Books.BalanceAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Execute_AllRefused_WritesNothing()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (member, unknown) = (PointsClient.NewMember(), PointsClient.NewMember());
        await client.AccumulateAsync(member, 10);
        client.Clock.Advance(TimeSpan.FromDays(40));

        // An expired lot is not posted yet. A refused command must not post it, nor create a wallet.
        var outcomes = await client.ExecuteAsync(
            Use(member, 11), new TransferPoints.Command(member, unknown, 11, null, "test", null), Grant(unknown, 1_000_000_000));

        Assert.All(outcomes, outcome => Assert.NotNull(outcome.Error));
        Assert.Equal(1, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE member_id = $1", member));
        Assert.Equal(0, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM member_wallets WHERE member_id = $1", unknown));
    }

    [Fact]
    public async Task Execute_LotsCancelledByAnEarlierCommand_LoadsMoreLots()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        var keys = new List<PointKey>();
        for (var i = 0; i < 30; i++)
        {
            keys.Add(LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 5)));
        }

        await client.AccumulateAsync(member, 3_000, days: 20);

        // Each use was loaded with the lot that the cancellation before it cancels.
        var outcomes = await client.ExecuteAsync([.. keys.SelectMany(key => new IPointCommand[] { Cancel(key), Use(member, 100) })]);

        // Once a use has drawn from the next lot, that lot can no longer be cancelled.
        Assert.Equal(30, outcomes.Where((_, i) => i % 2 == 1).Count(outcome => outcome.Error is null));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Execute_AllLotsCancelledThenUsed_NeedsFewReloads()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        var keys = new List<PointKey>();
        for (var i = 0; i < 20; i++)
        {
            keys.Add(LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 5)));
        }

        for (var i = 0; i < 20; i++)
        {
            await client.AccumulateAsync(member, 100, days: 20);
        }

        var outcomes = await client.ExecuteAsync([.. keys.Select(Cancel), .. Enumerable.Repeat(Use(member, 100), 20)]);

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Use_AfterAGrantInTheSameBatch_StillDrawsTheEarlierLotFirst()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        var near = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 5));

        // The use exceeds the balance at the start of the batch, so nothing would be loaded for the use alone.
        var outcomes = await client.ExecuteAsync(Grant(member, 1_000, days: 30), Use(member, 500));

        Assert.Equal([(near.Value, 100), (LedgerClient.KeyOf(outcomes[0]).Value, 400)], Details(outcomes[1]));
    }

    [Fact]
    public async Task Use_AfterPointsWereRestoredToALateLot_StillDrawsTheEarlierLotFirst()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        var late = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 30));
        var usage = await client.UseAsync(member, "A1", 100);
        var first = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 5));
        var second = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100, days: 10));

        // Only the first lot is loaded for the use, and it is cancelled. The late lot, loaded for the cancelled usage, gets points back.
        var outcomes = await client.ExecuteAsync(Cancel(first), new CancelUsage.Command(usage, null, null, "test", null), Use(member, 100));

        Assert.Equal([(second.Value, 100)], Details(outcomes[2]));
        Assert.NotEqual(late, second);
    }

    private static AccumulatePoints.Command Grant(long member, long amount, int days = 30) => new(member, amount, days, false, null, "test", null);

    private static UsePoints.Command Use(long member, long amount) => new(member, "A1", amount, "test", null);

    private static IPointCommand Cancel(PointKey lot) => new CancelAccumulation.Command(lot, null, "test", null);

    private static IEnumerable<(string Lot, long Amount)> Details(CommandOutcome usage) =>
        JsonNode.Parse(usage.Answer.Span)!["usageDetails"]!.AsArray()
            .Select(detail => (detail!["accumulationKey"]!.GetValue<string>(), detail["amount"]!.GetValue<long>()));
}
