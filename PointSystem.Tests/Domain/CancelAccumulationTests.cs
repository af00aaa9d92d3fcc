using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class CancelAccumulationTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void CancelAccumulation_Unused_CancelsTheWholeLot()
    {
        var key = _points.Grant(1, 1_000, manual: true).Key;
        _points.Now = _points.Now.AddMinutes(1);
        var lot = _points.CancelLot(1, key, "typing error").Value;

        Assert.Equal((0, 0, 1_000, 0), (lot.Available, lot.Used, lot.Cancelled, lot.Expired));
        Assert.Equal(LotStatus.Cancelled, lot.StatusOn(_points.Today));
        Assert.Equal(_points.Now, lot.UpdatedAt);
        Assert.Equal(
            new LedgerEntry(1, 2, 2, PointKind.AccumulateCancel, key, lot.Id, -1_000, 0, _points.Now, PointsHarness.Actor, "typing error"),
            _points.Tables.EntriesOf(1)[^1]);
        Assert.Equal(0, _points.Live(1));
    }

    [Fact]
    public void CancelAccumulation_Twice_IsAlreadyCancelled()
    {
        var key = _points.Grant(1, 10, days: 1).Key;
        _points.CancelLot(1, key);
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _points.CancelLot(1, key));
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _points.Wait(5).CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_OnePointUsed_IsRefusedUntilItIsRestored()
    {
        var key = _points.Grant(1, 10).Key;
        var usage = _points.Use(1, 3).Value.Key;
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _points.CancelLot(1, key));
        _points.CancelUsage(1, usage, 2);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _points.CancelLot(1, key));
        _points.CancelUsage(1, usage);
        Assert.Equal(10, _points.CancelLot(1, key).Value.Cancelled);
    }

    [Fact]
    public void CancelAccumulation_AllUsed_IsRefused()
    {
        var key = _points.Grant(1, 10).Key;
        _points.Use(1, 10);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _points.CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_PartlyTransferred_IsRefused()
    {
        var key = _points.Grant(1, 10).Key;
        _points.Transfer(1, 2, 1);
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _points.CancelLot(1, key));
    }

    [Fact]
    public void CancelAccumulation_OnItsLastDay_IsAccepted()
    {
        var key = _points.Grant(1, 10, days: 1).Key;
        Assert.Equal(10, _points.Wait(1).CancelLot(1, key).Value.Cancelled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CancelAccumulation_Expired_IsRefusedWhetherPostedOrNot(bool posted)
    {
        var key = _points.Grant(1, 10, days: 1).Key;
        _points.Wait(2);
        Assert.True(!posted || _points.PostLapses(1));
        Refused.With(PointErrorCodes.CannotCancelAccumulation, PointErrorKind.Conflict, _points.CancelLot(1, key));
        Assert.Equal(posted ? 2 : 1, _points.Tables.EntriesOf(1).Length);
    }

    [Fact]
    public void CancelAccumulation_UnknownKey_IsNotFound()
    {
        var own = _points.Grant(1, 10);
        var usage = _points.Use(1, 1).Value;
        var unknown = _points.Tables.NewKey(PointKeyType.Accumulation, 1);
        foreach (var key in new[] { unknown, usage.Key, _points.Grant(2, 10).Key, default })
        {
            Refused.With(PointErrorCodes.AccumulationNotFound, PointErrorKind.NotFound, _points.CancelLot(1, key));
        }

        Assert.Equal(9, _points.Tables.Lot(own.Key).Available);
    }

    [Fact]
    public void CancelAccumulation_ThenUse_DrawsNothingFromTheLot()
    {
        var first = _points.Grant(1, 10, days: 1).Key;
        var second = _points.Grant(1, 10).Key;
        _points.CancelLot(1, first);
        Assert.Equal(second, Assert.Single(_points.Use(1, 10).Value.Details).LotKey);
        Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Use(1, 1));
    }
}
