using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class CancelAccumulationTests
{
    private readonly Desk _desk = new();

    [Fact]
    public void CancelAccumulation_Unused_CancelsTheWholeLot()
    {
        var key = _desk.Grant(1, 1_000, manual: true).Key;
        _desk.Now = _desk.Now.AddMinutes(1);
        var lot = _desk.CancelLot(1, key, "typing error").Value;

        Assert.Equal((0, 0, 1_000, 0), (lot.Available, lot.Used, lot.Cancelled, lot.Expired));
        Assert.Equal(LotStatus.Cancelled, lot.StatusOn(_desk.Today));
        Assert.Equal(_desk.Now, lot.UpdatedAt);
        Assert.Equal(
            new LedgerEntry(1, 2, 2, PointKind.AccumulateCancel, key, lot.Id, -1_000, 0, _desk.Now, Desk.Actor, "typing error"),
            _desk.Tables.EntriesOf(1)[^1]);
        Assert.Equal(0, _desk.Live(1));
    }

    [Fact]
    public void CancelAccumulation_Twice_IsAlreadyCancelled()
    {
        var key = _desk.Grant(1, 10, days: 1).Key;
        _desk.CancelLot(1, key);
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _desk.CancelLot(1, key));
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _desk.Wait(5).CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_OnePointUsed_IsRefusedUntilItIsRestored()
    {
        var key = _desk.Grant(1, 10).Key;
        var usage = _desk.Use(1, 3).Value.Key;
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _desk.CancelLot(1, key));
        _desk.CancelUsage(1, usage, 2);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _desk.CancelLot(1, key));
        _desk.CancelUsage(1, usage);
        Assert.Equal(10, _desk.CancelLot(1, key).Value.Cancelled);
    }

    [Fact]
    public void CancelAccumulation_AllUsed_IsRefused()
    {
        var key = _desk.Grant(1, 10).Key;
        _desk.Use(1, 10);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _desk.CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_PartlyTransferred_IsRefused()
    {
        var key = _desk.Grant(1, 10).Key;
        _desk.Transfer(1, 2, 1);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _desk.CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_OnItsLastDay_IsAccepted()
    {
        var key = _desk.Grant(1, 10, days: 1).Key;
        Assert.Equal(10, _desk.Wait(1).CancelLot(1, key).Value.Cancelled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CancelAccumulation_Expired_IsRefusedWhetherPostedOrNot(bool posted)
    {
        var key = _desk.Grant(1, 10, days: 1).Key;
        _desk.Wait(2);
        Assert.True(!posted || _desk.PostLapses(1));
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _desk.CancelLot(1, key));
        Assert.Equal(posted ? 2 : 1, _desk.Tables.EntriesOf(1).Length);
    }

    [Fact]
    public void CancelAccumulation_UnknownKey_IsNotFound()
    {
        var own = _desk.Grant(1, 10);
        var usage = _desk.Use(1, 1).Value;
        var unknown = _desk.Tables.NewKey(PointKeyType.Accumulation, 1);
        foreach (var key in new[] { unknown, usage.Key, _desk.Grant(2, 10).Key, default })
        {
            Refused.With(PointErrorCodes.AccumulationNotFound, PointErrorKind.NotFound, _desk.CancelLot(1, key));
        }

        Assert.Equal(9, _desk.Tables.Lot(own.Key).Available);
    }

    [Fact]
    public void CancelAccumulation_ThenUse_DrawsNothingFromTheLot()
    {
        var first = _desk.Grant(1, 10, days: 1).Key;
        var second = _desk.Grant(1, 10).Key;
        _desk.CancelLot(1, first);
        Assert.Equal(second, Assert.Single(_desk.Use(1, 10).Value.Details).LotKey);
        Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _desk.Use(1, 1));
    }
}
