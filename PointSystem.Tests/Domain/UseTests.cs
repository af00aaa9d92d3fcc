using PointSystem.Domain.Points;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class UseTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void Use_OverSeveralLots_ListsTheAmountDrawnFromEach()
    {
        var first = _points.Grant(1, 100, days: 5);
        var second = _points.Grant(1, 100, days: 6);
        var third = _points.Grant(1, 100, days: 7);
        _points.Now = _points.Now.AddSeconds(1);
        var usage = _points.Use(1, 150, "A1234").Value;

        Assert.Equal((4, 1, "A1234", 150, 0), (usage.Id, usage.MemberId, usage.OrderNumber, usage.TotalAmount, usage.CancelledAmount));
        Assert.Equal((PointKeyType.Usage, 1L), (usage.Key.Type, usage.Key.MemberId));
        Assert.Equal((UsageStatus.Used, 150), (usage.Status, usage.RemainingAmount));
        Assert.Equal((_points.Now, _points.Now), (usage.CreatedAt, usage.UpdatedAt));
        Assert.Equal(
            [(1, first.Key, first.Id, 100, 0), (2, second.Key, second.Id, 50, 0)],
            usage.Details.Select(detail => (detail.Number, detail.LotKey, detail.LotId, detail.Amount, detail.CancelledAmount)));
        Assert.Equal(
            [
                new LedgerEntry(1, 4, 4, PointKind.Use, usage.Key, first.Id, -100, 200, _points.Now, PointsHarness.Actor, null),
                new LedgerEntry(1, 5, 4, PointKind.Use, usage.Key, second.Id, -50, 150, _points.Now, PointsHarness.Actor, null),
            ],
            _points.Tables.EntriesOf(1)[3..]);
        Assert.Equal((0, 100), (_points.Tables.Lot(first.Key).Available, _points.Tables.Lot(first.Key).Used));
        Assert.Equal((50, 50), (_points.Tables.Lot(second.Key).Available, _points.Tables.Lot(second.Key).Used));
        Assert.Equal(LotRow.Of(third), _points.Tables.Lot(third.Key));
    }

    [Fact]
    public void Use_ExactlyTheBalance_IsAcceptedButNotBeyond()
    {
        _points.Grant(1, 60);
        _points.Grant(1, 40);
        var error = Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Use(1, 101));
        Assert.Equal((100, 101), (((InsufficientPointError)error).Available, ((InsufficientPointError)error).Requested));
        Assert.Equal(100, _points.Use(1, 100).Value.TotalAmount);
        Assert.Equal(0, _points.Live(1));
        Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Use(1, 1));
    }

    [Fact]
    public void Use_UnknownMember_IsRefused()
    {
        var error = Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Use(99, long.MaxValue));
        Assert.Equal(new InsufficientPointError(0, long.MaxValue), error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Use_AmountBelowOne_IsInvalid(long amount)
    {
        _points.Grant(1, 10);
        Refused.With(PointErrorCodes.InvalidAmount, PointErrorKind.Invalid, _points.Use(1, amount));
    }

    [Fact]
    public void Use_BlankOrderNumber_IsInvalidAndChangesNothing()
    {
        _points.Grant(1, 10);
        var error = Refused.With(PointErrorCodes.InvalidOrderNumber, PointErrorKind.Invalid, _points.Use(1, 1, " "));
        Assert.Equal("orderNumber", error.Field);
        Assert.Equal(10, _points.Live(1));
    }

    [Fact]
    public void Use_SameOrderTwice_CreatesTwoUsages()
    {
        _points.Grant(1, 10);
        var first = _points.Use(1, 4, "A1").Value;
        var second = _points.Use(1, 4, "A1").Value;
        Assert.NotEqual(first.Key, second.Key);
        Assert.Equal(["A1", "A1"], _points.Tables.UsagesOf(1).Select(usage => usage.OrderNumber));
        Assert.Equal(2, _points.Live(1));
    }

    [Fact]
    public void Use_ManualGrantExpiringLate_IsDrawnBeforeAnEarlierOrdinaryLot()
    {
        var near = _points.Grant(1, 10, days: 1);
        var manual = _points.Grant(1, 10, days: 1000, manual: true);
        Assert.Equal([manual.Key, near.Key], Drawn(11));
    }

    [Fact]
    public void Use_SeveralManualGrants_AreDrawnByDate()
    {
        var far = _points.Grant(1, 10, days: 9, manual: true);
        var near = _points.Grant(1, 10, days: 8, manual: true);
        Assert.Equal([near.Key, far.Key], Drawn(11));
    }

    [Fact]
    public void Use_EarlierDateGrantedLater_IsDrawnFirst()
    {
        var far = _points.Grant(1, 10, days: 9);
        var near = _points.Wait(1).Grant(1, 10, days: 7);
        Assert.Equal([near.Key, far.Key], Drawn(11));
    }

    [Fact]
    public void Use_SameDate_DrawsTheOlderFirst()
    {
        var older = _points.Grant(1, 10, days: 9);
        var younger = _points.Wait(1).Grant(1, 10, days: 8);
        Assert.Equal(older.ExpirationDate, younger.ExpirationDate);
        Assert.Equal([older.Key, younger.Key], Drawn(11));
    }

    [Fact]
    public void Use_SameDateAndInstant_DrawsById()
    {
        var first = _points.Grant(1, 10);
        var second = _points.Grant(1, 10);
        Assert.Equal(first.CreatedAt, second.CreatedAt);
        Assert.Equal([first.Key, second.Key], Drawn(11));
    }

    [Fact]
    public void Compare_EachCriterion_OutranksTheNext()
    {
        // Each lot comes after the previous one by one criterion and would come before it by all later criteria.
        var day = new DateOnly(2026, 5, 1);
        var lots = new[] { LotOf(4, true, day.AddDays(9), 9), LotOf(3, false, day, 9), LotOf(2, false, day.AddDays(1), 1), LotOf(1, false, day.AddDays(1), 2) };
        Assert.Equal(lots, lots.Reverse().Order(DrawOrder.Instance));
        Assert.True(DrawOrder.Instance.Compare(LotOf(1, false, day, 5), LotOf(2, false, day, 5)) < 0);
        Assert.Equal(0, DrawOrder.Instance.Compare(lots[0], lots[0]));
    }

    [Fact]
    public void Use_OnTheLastDay_IsAcceptedAndOnTheNextRefused()
    {
        _points.Grant(1, 10, days: 3);
        Assert.Equal(1, _points.Wait(3).Use(1, 1).Value.TotalAmount);
        var error = Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Wait(1).Use(1, 1));
        Assert.Equal(new InsufficientPointError(0, 1), error);
    }

    [Fact]
    public void Use_AtMidnightInSeoul_IsTheNextDay()
    {
        // 10:00 on 1 March in Seoul; the points are usable through 2 March, which ends there at 15:00 UTC.
        _points.Now = new DateTimeOffset(2026, 3, 1, 1, 0, 0, TimeSpan.Zero);
        _points.Grant(1, 10, days: 1);
        _points.Now = new DateTimeOffset(2026, 3, 2, 14, 59, 59, 999, TimeSpan.Zero);
        Assert.Equal(1, _points.Use(1, 1).Value.TotalAmount);
        _points.Now = new DateTimeOffset(2026, 3, 2, 15, 0, 0, TimeSpan.Zero);
        Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Use(1, 1));
    }

    [Fact]
    public void Use_NearEndOfTheUtcDay_CountsDaysFromTheDateInSeoul()
    {
        _points.Now = new DateTimeOffset(2026, 3, 1, 23, 0, 0, TimeSpan.Zero);
        Assert.Equal(new DateOnly(2026, 3, 3), _points.Grant(1, 10, days: 1).ExpirationDate);
    }

    private static Lot LotOf(long id, bool manual, DateOnly expires, int minute) => new()
    {
        Id = id,
        MemberId = 1,
        Key = default,
        Amount = 1,
        Available = 1,
        ExpirationDate = expires,
        IsManualGrant = manual,
        CreatedAt = DateTimeOffset.UnixEpoch.AddMinutes(minute),
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };

    private IEnumerable<PointKey> Drawn(long amount) => _points.Use(1, amount).Value.Details.Select(detail => detail.LotKey);
}
