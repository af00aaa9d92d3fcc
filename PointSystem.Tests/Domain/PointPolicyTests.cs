using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Domain;

public sealed class PointPolicyTests
{
    private const long TenToTheTwelfth = 1_000_000_000_000;

    [Fact]
    public void Default_Policy_IsThatOfTheRules()
    {
        var policy = PointPolicy.Default;
        Assert.Null(policy.FindViolation());
        Assert.Equal(
            (100_000, 10_000_000, 365, 1, 1824),
            (policy.MaxAccumulationAmountPerTime, policy.MaxBalancePerMember,
                policy.DefaultExpirationDays, policy.MinExpirationDays, policy.MaxExpirationDays));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    [InlineData(-1, false)]
    [InlineData(TenToTheTwelfth, true)]
    [InlineData(TenToTheTwelfth + 1, false)]
    [InlineData(long.MaxValue, false)]
    [InlineData(long.MinValue, false)]
    public void FindViolation_PointLimits_AreFromOneToTenToTheTwelfth(long value, bool valid)
    {
        Check(valid, "MAX_ACCUMULATION_AMOUNT_PER_TIME", PointPolicy.Default with { MaxAccumulationAmountPerTime = value });
        Check(valid, "MAX_BALANCE_PER_MEMBER", PointPolicy.Default with { MaxBalancePerMember = value });
    }

    [Theory]
    [InlineData(1, 1, 2, null)]
    [InlineData(1, 2, 2, null)]
    [InlineData(1823, 1824, 1824, null)]
    [InlineData(10, 10, 20, null)]
    [InlineData(10, 20, 20, null)]
    [InlineData(0, 1, 2, "MIN_EXPIRATION_DAYS")]
    [InlineData(-1, 1, 2, "MIN_EXPIRATION_DAYS")]
    [InlineData(1824, 1824, 1824, "MIN_EXPIRATION_DAYS")]
    [InlineData(1825, 1825, 1826, "MIN_EXPIRATION_DAYS")]
    [InlineData(1, 365, 1825, "MAX_EXPIRATION_DAYS")]
    [InlineData(1, 1, 0, "MAX_EXPIRATION_DAYS")]
    [InlineData(1, 1, 1, "MIN_EXPIRATION_DAYS")]
    [InlineData(20, 15, 10, "MIN_EXPIRATION_DAYS")]
    [InlineData(10, 9, 20, "DEFAULT_EXPIRATION_DAYS")]
    [InlineData(10, 21, 20, "DEFAULT_EXPIRATION_DAYS")]
    [InlineData(1, 0, 20, "DEFAULT_EXPIRATION_DAYS")]
    [InlineData(1, -5, 20, "DEFAULT_EXPIRATION_DAYS")]
    public void FindViolation_ExpirationDays_AreCheckedAloneAndTogether(int min, int @default, int max, string? offender) => Check(
        offender is null,
        offender,
        PointPolicy.Default with { MinExpirationDays = min, DefaultExpirationDays = @default, MaxExpirationDays = max });

    private static void Check(bool valid, string? offender, PointPolicy policy)
    {
        if (valid)
        {
            Assert.Null(policy.FindViolation());
        }
        else
        {
            Assert.StartsWith(offender!, policy.FindViolation(), StringComparison.Ordinal);
        }
    }
}
