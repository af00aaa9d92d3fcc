using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class AccumulateTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void Accumulate_Accepted_GrantsALotAndOneEntry()
    {
        var lot = _points.Accumulate(7, 1_000, days: 10, manual: true, reason: "compensation").Value;

        Assert.Equal((1, 7, 1_000, 1_000), (lot.Id, lot.MemberId, lot.Amount, lot.Available));
        Assert.Equal((PointKeyType.Accumulation, 7L), (lot.Key.Type, lot.Key.MemberId));
        Assert.Equal(new DateOnly(2026, 3, 11), lot.ExpirationDate);
        Assert.True(lot.IsManualGrant);
        Assert.Null(lot.SourceKey);
        Assert.Equal((_points.Now, _points.Now), (lot.CreatedAt, lot.UpdatedAt));
        Assert.Equal(LotStatus.Accumulated, lot.StatusOn(_points.Today));
        Assert.Equal(
            new LedgerEntry(7, 1, 1, PointKind.Accumulate, lot.Key, lot.Id, 1_000, 1_000, _points.Now, PointsHarness.Actor, "compensation"),
            Assert.Single(_points.Tables.EntriesOf(7)));
        Assert.Equal(new WalletState(7, 1_000, 1_000, 1, _points.Now), _points.Tables.WalletOf(7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99_999)]
    [InlineData(100_000)]
    public void Accumulate_AmountInRange_Grants(long amount) => Assert.Equal(amount, _points.Accumulate(1, amount).Value.Amount);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Accumulate_AmountBelowOne_IsInvalid(long amount)
    {
        var error = Refused.With(PointErrorCodes.InvalidAmount, PointErrorKind.Invalid, _points.Accumulate(1, amount));
        Assert.Equal("amount", error.Field);
    }

    [Theory]
    [InlineData(100_001, false)]
    [InlineData(100_001, true)]
    [InlineData(long.MaxValue, false)]
    public void Accumulate_AboveTheMaximumPerTime_IsRefusedEvenForManualGrants(long amount, bool manual) =>
        Refused.With(PointErrorCodes.ExceededMaxAccumulation, PointErrorKind.Refused, _points.Accumulate(1, amount, manual: manual));

    [Fact]
    public void Accumulate_LoweredMaximum_AppliesAtOnce()
    {
        _points.Policy = PointPolicy.Default with { MaxAccumulationAmountPerTime = 10 };
        Refused.With(PointErrorCodes.ExceededMaxAccumulation, PointErrorKind.Refused, _points.Accumulate(1, 11));
        Assert.Equal(10, _points.Grant(1, 10).Amount);
    }

    [Fact]
    public void Accumulate_UpToTheBalanceCap_IsAcceptedButNotBeyond()
    {
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 1_000 };
        _points.Grant(1, 400);
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Accumulate(1, 601));
        _points.Grant(1, 600);
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Accumulate(1, 1));
        Assert.Equal(1_000, _points.Live(1));
        Assert.Equal(1_000, _points.Grant(2, 1_000).Amount);
    }

    [Fact]
    public void Accumulate_CapLoweredBelowTheBalance_IsRefusedAndKeepsTheLots()
    {
        var lot = _points.Grant(1, 1_000);
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 500, DefaultExpirationDays = 1, MaxExpirationDays = 2 };
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Accumulate(1, 1));
        Assert.Equal(LotRow.Of(lot), _points.Tables.Lot(lot.Key));
        Assert.Equal(1_000, _points.Use(1, 1_000).Value.TotalAmount);
    }

    [Fact]
    public void Accumulate_ExpiredUsedAndCancelledPoints_DoNotCountTowardsTheCap()
    {
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 1_000 };
        _points.Grant(1, 300, days: 1);
        _points.CancelLot(1, _points.Grant(1, 300).Key);
        _points.Grant(1, 300);
        _points.Grant(1, 400);
        _points.Use(1, 100);
        _points.Wait(2);
        Assert.Equal(700, _points.Live(1));
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Accumulate(1, 301));
        Assert.Equal(300, _points.Grant(1, 300).Amount);
        Assert.Equal(1_000, _points.Live(1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1823)]
    [InlineData(1824)]
    public void Accumulate_ExpirationDaysInRange_CountFromToday(int days) =>
        Assert.Equal(_points.Today.AddDays(days), _points.Grant(1, 1, days).ExpirationDate);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1825)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void Accumulate_ExpirationDaysOutOfRange_IsRefused(int days) =>
        Refused.With(PointErrorCodes.InvalidExpirationDate, PointErrorKind.Refused, _points.Accumulate(1, 1, days));

    [Fact]
    public void Accumulate_ConfiguredExpirationDays_Apply()
    {
        _points.Policy = PointPolicy.Default with { MinExpirationDays = 10, DefaultExpirationDays = 20, MaxExpirationDays = 30 };
        Refused.With(PointErrorCodes.InvalidExpirationDate, PointErrorKind.Refused, _points.Accumulate(1, 1, days: 9));
        Refused.With(PointErrorCodes.InvalidExpirationDate, PointErrorKind.Refused, _points.Accumulate(1, 1, days: 31));
        Assert.Equal(_points.Today.AddDays(10), _points.Grant(1, 1, days: 10).ExpirationDate);
        Assert.Equal(_points.Today.AddDays(20), _points.Grant(1, 1).ExpirationDate);
        Assert.Equal(_points.Today.AddDays(30), _points.Grant(1, 1, days: 30).ExpirationDate);
    }

    [Fact]
    public void Accumulate_ExpirationDaysOmitted_UsesTheDefault() =>
        Assert.Equal(new DateOnly(2027, 3, 1), _points.Grant(1, 1).ExpirationDate);
}
