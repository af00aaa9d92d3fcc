using PointSystem.Api.Features.Points.Queries;

namespace PointSystem.Tests.Features;

public sealed class HistoryReadTests(PointsDatabase server)
{
    [Fact]
    public async Task ReadAsync_PagedWhileEntriesArrive_HasEveryGroupOnce()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed: 11);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        for (var i = 0; i < 60; i++)
        {
            await client.StepAsync(member, other);
        }

        var ledger = await client.LedgerAsync(member);
        var all = await ReadAllAsync(new HistoryFilter(member, null, null), () => client.AccumulateAsync(member, 5));
        AssertGroups(ledger, all);
        foreach (var kind in ledger.Select(line => line.Kind).Distinct())
        {
            var ofKind = await ReadAllAsync(new HistoryFilter(member, null, kind));
            AssertGroups((await client.LedgerAsync(member)).Where(line => line.Kind == kind), ofKind);
        }

        var orders = all.Where(item => item.OrderNumber is not null).ToLookup(item => item.OrderNumber!);
        Assert.NotEmpty(orders);
        foreach (var order in orders)
        {
            var ofOrder = await ReadAllAsync(new HistoryFilter(member, order.Key, null));
            AssertGroups(ledger.Where(line => order.Any(item => item.PointKey == line.PointKey)), ofOrder);
            foreach (var kind in new[] { "USE", "USE_CANCEL", "REGRANT", "EXPIRE" })
            {
                var both = await ReadAllAsync(new HistoryFilter(member, order.Key, kind));
                AssertGroups(ledger.Where(line => line.Kind == kind && order.Any(item => item.PointKey == line.PointKey)), both);
            }
        }

        async Task<List<HistoryItem>> ReadAllAsync(HistoryFilter filter, Func<Task>? between = null)
        {
            var items = new List<HistoryItem>();
            var before = long.MaxValue;
            while (true)
            {
                var page = await HistoryQuery.ReadAsync(database, filter, before, 3, Token);
                items.AddRange(page.Items);
                if (page.NextCursor is null)
                {
                    return items;
                }

                Assert.True(filter.TryReadCursor(page.NextCursor, out before));
                Assert.False(new HistoryFilter(other, filter.OrderNumber, filter.Kind).TryReadCursor(page.NextCursor, out _));
                await (between?.Invoke() ?? Task.CompletedTask);
            }
        }
    }

    [Fact]
    public async Task TraceReadAsync_AfterUsesCancellationsAndATransfer_LinksLotsAndUsagesBothWays()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, seed: 12);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        var a = LedgerClient.KeyOf(await client.AccumulateAsync(member, 1000, days: 2));
        var b = LedgerClient.KeyOf(await client.AccumulateAsync(member, 500, days: 20));
        var usage = await client.UseAsync(member, "A1234", 1200);
        client.Clock.Advance(TimeSpan.FromDays(5));
        Assert.Null((await client.CancelAsync(usage, 1100)).Error);
        Assert.Null((await client.TransferAsync(member, other, 150)).Error);

        var trace = await UsageTraceQuery.ReadAsync(database, usage, 0, 100, Token);
        var cancellation = Assert.Single(trace!.Cancellations.Items);
        Assert.Equal((1100L, "why"), (cancellation.CancelledAmount, cancellation.Reason));
        Assert.Equal((b.Value, 100L), (cancellation.Restored[0].AccumulationKey, cancellation.Restored[0].Amount));
        Assert.Equal((a.Value, 1000L), (cancellation.Regranted[0].ExpiredAccumulationKey, cancellation.Regranted[0].Amount));
        Assert.Equal([(1000L, 1000L), (200L, 100L)], trace.Usage.Details.Select(detail => (detail.Amount, detail.CancelledAmount)));

        var lot = await AccumulationTraceQuery.ReadAsync(database, b, 0, 100, Token);
        Assert.Equal(new LotUsage(usage.Value, "A1234", 200, 100), Assert.Single(lot!.Usages.Items));
        var transfer = Assert.Single(lot.Transfers);
        var received = Assert.Single(await client.LedgerAsync(other));
        Assert.Equal((other, 150L, received.LotKey), (transfer.ToMemberId, transfer.Amount, transfer.AccumulationKey));
    }

    private static void AssertGroups(IEnumerable<LedgerLine> ledger, IEnumerable<HistoryItem> items)
    {
        var expected = ledger.GroupBy(line => line.Group).OrderByDescending(group => group.Key).Select(group => (
            group.First().PointKey, group.First().Kind, group.Sum(line => line.Delta), group.Last().BalanceAfter, group.Last().OccurredAt,
            string.Join(' ', group.Select(line => (line.Sequence, line.LotKey, line.Delta)))));
        Assert.Equal(expected, items.Select(item => (
            item.PointKey, item.Kind, item.Amount, item.BalanceAfter, item.OccurredAt,
            string.Join(' ', item.Entries.Select(entry => (entry.Sequence, entry.AccumulationKey, entry.Amount))))));
    }
}
