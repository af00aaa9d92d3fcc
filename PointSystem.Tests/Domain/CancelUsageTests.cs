using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class CancelUsageTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void CancelUsage_ExampleOfTheRules_HasTheDocumentedResult()
    {
        var a = _points.Grant(1, 1_000, days: 10);
        var b = _points.Grant(1, 500, days: 100);
        var usage = _points.Use(1, 1_200, "A1234").Value;
        Assert.Equal([(a.Key, 1_000), (b.Key, 200)], usage.Details.Select(detail => (detail.LotKey, detail.Amount)));
        Assert.Equal(300, _points.Live(1));

        var cancellation = _points.Wait(11).CancelUsage(1, usage.Key, 1_100, "returned").Value;

        var regranted = Assert.Single(cancellation.Regranted);
        var e = regranted.Lot;
        Assert.Equal((a.Key, 1_000), (regranted.ExpiredKey, e.Amount));
        Assert.Equal((1_000, a.Key, false), (e.Available, e.SourceKey!.Value, e.IsManualGrant));
        Assert.Equal(_points.Today.AddDays(365), e.ExpirationDate);
        var restored = Assert.Single(cancellation.Restored);
        Assert.Equal((b.Key, 100, 400), (restored.Lot.Key, restored.Amount, restored.Lot.Available));
        Assert.Equal(1_400, _points.Live(1));
        Assert.Equal((100, UsageStatus.PartiallyCancelled), (cancellation.Usage.RemainingAmount, cancellation.Usage.Status));
        Assert.Equal((PointKeyType.Cancellation, 1_100, "returned"), (cancellation.Key.Type, cancellation.Amount, cancellation.Reason));
        Assert.Equal(_points.Now, cancellation.CreatedAt);
        Assert.Equal(
            [
                (PointKind.UseCancel, cancellation.Key, b.Id, 100, 400),
                (PointKind.Regrant, cancellation.Key, e.Id, 1_000, 1_400),
            ],
            _points.Tables.EntriesOf(1)[^2..].Select(entry => (entry.Kind, entry.PointKey, entry.LotId, entry.Delta, entry.BalanceAfter)));
        Assert.Equal((5, 6), (cancellation.FirstSequence, cancellation.LastSequence));
    }

    [Fact]
    public void CancelUsage_AmountOmitted_CancelsAllThatIsLeft()
    {
        _points.Grant(1, 10);
        var key = _points.Use(1, 10).Value.Key;
        _points.CancelUsage(1, key, 3);
        var cancellation = _points.CancelUsage(1, key).Value;
        Assert.Equal((7, UsageStatus.FullyCancelled), (cancellation.Amount, cancellation.Usage.Status));
        Assert.Equal(10, _points.Live(1));
    }

    [Fact]
    public void CancelUsage_OnePointMoreThanIsLeft_IsRefused()
    {
        _points.Grant(1, 10);
        var key = _points.Use(1, 10).Value.Key;
        Refused.With(PointErrorCodes.ExceededCancelAmount, PointErrorKind.Refused, _points.CancelUsage(1, key, 11));
        _points.CancelUsage(1, key, 4);
        Refused.With(PointErrorCodes.ExceededCancelAmount, PointErrorKind.Refused, _points.CancelUsage(1, key, 7));
        Refused.With(PointErrorCodes.ExceededCancelAmount, PointErrorKind.Refused, _points.CancelUsage(1, key, long.MaxValue));
        Assert.Equal(6, _points.CancelUsage(1, key, 6).Value.Amount);
    }

    [Fact]
    public void CancelUsage_NothingLeft_IsAlreadyCancelled()
    {
        _points.Grant(1, 10);
        var key = _points.Use(1, 10).Value.Key;
        _points.CancelUsage(1, key);
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _points.CancelUsage(1, key));
        Refused.With(PointErrorCodes.AlreadyCancelled, PointErrorKind.Conflict, _points.CancelUsage(1, key, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void CancelUsage_AmountBelowOne_IsInvalid(long amount)
    {
        _points.Grant(1, 10);
        var key = _points.Use(1, 10).Value.Key;
        Refused.With(PointErrorCodes.InvalidAmount, PointErrorKind.Invalid, _points.CancelUsage(1, key, amount));
    }

    [Fact]
    public void CancelUsage_UnknownKey_IsNotFound()
    {
        var lot = _points.Grant(1, 10);
        _points.Grant(2, 10);
        var others = _points.Use(2, 1).Value.Key;
        foreach (var key in new[] { _points.Tables.NewKey(PointKeyType.Usage, 1), lot.Key, others, default })
        {
            Refused.With(PointErrorCodes.UsageNotFound, PointErrorKind.NotFound, _points.CancelUsage(1, key));
        }
    }

    [Fact]
    public void CancelUsage_InSeveralParts_RestoresInTheOrderOfDrawing()
    {
        var lots = new[] { _points.Grant(1, 3, days: 1), _points.Grant(1, 3, days: 2), _points.Grant(1, 3, days: 3) };
        var usage = _points.Use(1, 8).Value;
        long[][] expected = [[2, 0, 0], [1, 1, 0], [0, 2, 0], [0, 0, 2]];
        foreach (var part in expected)
        {
            var back = _points.CancelUsage(1, usage.Key, part.Sum()).Value.Restored;
            Assert.Equal(part, lots.Select(lot => back.SingleOrDefault(restored => restored.Lot.Key == lot.Key)?.Amount ?? 0));
        }

        Assert.Equal(expected.Length, _points.Tables.Cancellations.Select(cancellation => cancellation.Key).Distinct().Count());
        Assert.Equal(9, _points.Live(1));
    }

    [Fact]
    public void CancelUsage_SeveralExpiredLots_GrantsOneLotForEachPerCancellation()
    {
        var manual = _points.Grant(1, 5, days: 2, manual: true);
        var plain = _points.Grant(1, 5, days: 2);
        var usage = _points.Use(1, 10).Value;
        _points.Wait(3);
        _points.Policy = PointPolicy.Default with { DefaultExpirationDays = 30 };

        var first = _points.CancelUsage(1, usage.Key, 7).Value;
        Assert.Empty(first.Restored);
        Assert.Equal(
            [(manual.Key, 5, true, manual.Key), (plain.Key, 2, false, plain.Key)],
            first.Regranted.Select(part => (part.ExpiredKey, part.Lot.Amount, part.Lot.IsManualGrant, part.Lot.SourceKey!.Value)));
        Assert.All(first.Regranted, part => Assert.Equal(_points.Today.AddDays(30), part.Lot.ExpirationDate));

        var second = _points.CancelUsage(1, usage.Key).Value;
        Assert.Equal((plain.Key, 3), (Assert.Single(second.Regranted).ExpiredKey, second.Regranted[0].Lot.Amount));
        Assert.Equal(5, _points.Tables.LotsOf(1).Select(lot => lot.Key).Distinct().Count());
        Assert.Equal(10, _points.Live(1));
        Assert.Equal(5, _points.Tables.WalletOf(1).ManualBalance);
        Assert.Equal((0, 5), (_points.Tables.Lot(manual.Key).Used, _points.Tables.Lot(manual.Key).Expired));
    }

    [Fact]
    public void CancelUsage_OnTheLastDay_RestoresAndOnTheNextRegrants()
    {
        var lot = _points.Grant(1, 10, days: 3);
        var usage = _points.Use(1, 10).Value;
        var last = _points.Wait(3).CancelUsage(1, usage.Key, 1).Value;
        Assert.Equal((1, 0), (last.Restored.Count, last.Regranted.Count));
        var next = _points.Wait(1).CancelUsage(1, usage.Key, 1).Value;
        Assert.Equal((0, 1), (next.Restored.Count, next.Regranted.Count));

        // The restored point, which was not used again, has expired with its lot.
        Assert.Equal((0, 8, 2), (_points.Tables.Lot(lot.Key).Available, _points.Tables.Lot(lot.Key).Used, _points.Tables.Lot(lot.Key).Expired));
        Assert.Equal(1, _points.Live(1));
    }

    [Fact]
    public void CancelUsage_ExpiredLotPartlyUnused_PostsItsExpiryBeforeTheRegrant()
    {
        var lot = _points.Grant(1, 10, days: 1);
        var usage = _points.Use(1, 4).Value;
        var cancellation = _points.Wait(2).CancelUsage(1, usage.Key).Value;
        Assert.Equal(
            [(PointKind.Expire, lot.Key, -6, 0), (PointKind.Regrant, cancellation.Key, 4, 4)],
            _points.Tables.EntriesOf(1)[2..].Select(entry => (entry.Kind, entry.PointKey, entry.Delta, entry.BalanceAfter)));
        Assert.Equal((4, 4), (cancellation.FirstSequence, cancellation.LastSequence));
        Assert.Equal(10, _points.Tables.Lot(lot.Key).Expired);
    }

    [Fact]
    public void CancelUsage_RegrantedLotHasExpired_IsRegrantedFromThatLot()
    {
        _points.Policy = PointPolicy.Default with { DefaultExpirationDays = 1 };
        _points.Grant(1, 10, manual: true);
        var first = _points.Use(1, 10).Value;
        var regranted = _points.Wait(2).CancelUsage(1, first.Key).Value.Regranted[0].Lot;
        var second = _points.Use(1, 10).Value;
        var again = Assert.Single(_points.Wait(2).CancelUsage(1, second.Key).Value.Regranted);
        Assert.Equal((regranted.Key, regranted.Key, true), (again.ExpiredKey, again.Lot.SourceKey!.Value, again.Lot.IsManualGrant));
    }

    [Fact]
    public void CancelUsage_RichMemberAndLowCaps_NeverFails()
    {
        var expiring = _points.Grant(1, 100, days: 1);
        var staying = _points.Grant(1, 100);
        var usage = _points.Use(1, 200).Value;
        _points.Grant(1, 100_000);
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 1, MaxAccumulationAmountPerTime = 1 };
        var cancellation = _points.Wait(2).CancelUsage(1, usage.Key).Value;
        Assert.Equal((staying.Key, 100), (cancellation.Restored[0].Lot.Key, cancellation.Restored[0].Amount));
        Assert.Equal((expiring.Key, 100), (cancellation.Regranted[0].ExpiredKey, cancellation.Regranted[0].Lot.Amount));
        Assert.Equal(100_200, _points.Live(1));
    }

    [Fact]
    public void CancelUsage_RestoredPoints_AreDrawnAgainFirst()
    {
        var near = _points.Grant(1, 5, days: 1).Key;
        var far = _points.Grant(1, 5, days: 2).Key;
        var usage = _points.Use(1, 7).Value;
        _points.CancelUsage(1, usage.Key, 2);
        Assert.Equal([(near, 2L), (far, 1L)], _points.Use(1, 3).Value.Details.Select(detail => (detail.LotKey, detail.Amount)));
    }
}
