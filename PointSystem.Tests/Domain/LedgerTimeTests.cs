namespace PointSystem.Tests.Domain;

/// <summary>The clocks of replicas differ, yet the times in a member's ledger never go back.</summary>
public sealed class LedgerTimeTests
{
    private readonly Desk _desk = new();

    [Fact]
    public void OccurredAt_ClockWentBack_StaysAtTheLastEntry()
    {
        var late = _desk.Now;
        var lot = _desk.Grant(1, 10);
        _desk.Now = late.AddMinutes(-5);
        var usage = _desk.Use(1, 4).Value;
        var cancellation = _desk.CancelUsage(1, usage.Key).Value;
        var younger = _desk.Grant(1, 10);
        Assert.Equal((late, late, late), (usage.CreatedAt, cancellation.CreatedAt, younger.CreatedAt));
        Assert.Equal(late, _desk.Tables.Lot(lot.Key).UpdatedAt);
        Assert.All(_desk.Tables.EntriesOf(1), entry => Assert.Equal(late, entry.OccurredAt));

        // The older lot is still drawn first, although the clock was earlier when the younger one was granted.
        Assert.Equal(lot.Key, _desk.Use(1, 1).Value.Details[0].LotKey);
        _desk.Now = late.AddTicks(TimeSpan.TicksPerMicrosecond);
        Assert.Equal(_desk.Now, _desk.Use(1, 1).Value.CreatedAt);
    }

    [Fact]
    public void OccurredAt_OfATransfer_FollowsEachMembersOwnLedger()
    {
        var early = _desk.Now;
        _desk.Grant(1, 10);
        _desk.Now = early.AddHours(1);
        _desk.Grant(2, 10);
        _desk.Now = early.AddMinutes(1);
        var transfer = _desk.Transfer(1, 2, 5).Value;
        Assert.Equal(early.AddMinutes(1), transfer.CreatedAt);
        Assert.Equal(early.AddMinutes(1), _desk.Tables.EntriesOf(1)[^1].OccurredAt);
        Assert.Equal(early.AddHours(1), _desk.Tables.EntriesOf(2)[^1].OccurredAt);
    }

    [Fact]
    public void Use_DateWentBackAfterAnExpiryWasPosted_DoesNotReviveThePoints()
    {
        var lot = _desk.Grant(1, 10, days: 1);
        var usage = _desk.Use(1, 4).Value;
        _desk.Wait(2).PostLapses(1);
        _desk.Wait(-2);
        Assert.Equal(0, _desk.Live(1));
        var cancellation = _desk.CancelUsage(1, usage.Key).Value;
        Assert.Equal((lot.Key, 4), (cancellation.Restored[0].Lot.Key, _desk.Live(1)));
    }
}
