namespace PointSystem.Tests.Domain;

/// <summary>The clocks of replicas differ, yet the times in a member's ledger never go back.</summary>
public sealed class LedgerTimeTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void OccurredAt_ClockWentBack_StaysAtTheLastEntry()
    {
        var late = _points.Now;
        var lot = _points.Grant(1, 10);
        _points.Now = late.AddMinutes(-5);
        var usage = _points.Use(1, 4).Value;
        var cancellation = _points.CancelUsage(1, usage.Key).Value;
        var younger = _points.Grant(1, 10);
        Assert.Equal((late, late, late), (usage.CreatedAt, cancellation.CreatedAt, younger.CreatedAt));
        Assert.Equal(late, _points.Tables.Lot(lot.Key).UpdatedAt);
        Assert.All(_points.Tables.EntriesOf(1), entry => Assert.Equal(late, entry.OccurredAt));

        // The older lot is still drawn first, although the clock was earlier when the younger one was granted.
        Assert.Equal(lot.Key, _points.Use(1, 1).Value.Details[0].LotKey);
        _points.Now = late.AddTicks(TimeSpan.TicksPerMicrosecond);
        Assert.Equal(_points.Now, _points.Use(1, 1).Value.CreatedAt);
    }

    [Fact]
    public void OccurredAt_OfATransfer_FollowsEachMembersOwnLedger()
    {
        var early = _points.Now;
        _points.Grant(1, 10);
        _points.Now = early.AddHours(1);
        _points.Grant(2, 10);
        _points.Now = early.AddMinutes(1);
        var transfer = _points.Transfer(1, 2, 5).Value;
        Assert.Equal(early.AddMinutes(1), transfer.CreatedAt);
        Assert.Equal(early.AddMinutes(1), _points.Tables.EntriesOf(1)[^1].OccurredAt);
        Assert.Equal(early.AddHours(1), _points.Tables.EntriesOf(2)[^1].OccurredAt);
    }

    [Fact]
    public void Use_DateWentBackAfterAnExpiryWasPosted_DoesNotReviveThePoints()
    {
        var lot = _points.Grant(1, 10, days: 1);
        var usage = _points.Use(1, 4).Value;
        _points.Wait(2).PostLapses(1);
        _points.Wait(-2);
        Assert.Equal(0, _points.Live(1));
        var cancellation = _points.CancelUsage(1, usage.Key).Value;
        Assert.Equal((lot.Key, 4), (cancellation.Restored[0].Lot.Key, _points.Live(1)));
    }
}
