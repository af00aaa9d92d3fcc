using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Domain;

public sealed class BusinessMomentTests
{
    [Theory]
    [InlineData("2026-03-01T14:59:59.9999999Z", "2026-03-01")]
    [InlineData("2026-03-01T15:00:00Z", "2026-03-02")]
    [InlineData("2026-03-01T23:59:59Z", "2026-03-02")]
    [InlineData("2026-03-02T00:00:00Z", "2026-03-02")]
    [InlineData("2026-03-01T23:59:59-10:00", "2026-03-02")]
    [InlineData("2026-12-31T15:00:00Z", "2027-01-01")]
    [InlineData("2028-02-28T15:00:00Z", "2028-02-29")]
    public void Today_AnyInstant_IsTheDateInSeoul(string instant, string date) =>
        Assert.Equal(DateOnly.ParseExact(date, "yyyy-MM-dd", null), new BusinessMoment(DateTimeOffset.Parse(instant, null), PointsHarness.Seoul).Today);

    [Theory]
    [InlineData("2026-03-08T04:59:59Z", "2026-03-07")]
    [InlineData("2026-03-09T03:59:59Z", "2026-03-08")]
    [InlineData("2026-03-09T04:00:00Z", "2026-03-09")]
    public void Today_ZoneWithSummerTime_FollowsTheZone(string instant, string date)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById("America/New_York");
        Assert.Equal(DateOnly.ParseExact(date, "yyyy-MM-dd", null), new BusinessMoment(DateTimeOffset.Parse(instant, null), zone).Today);
    }

    [Fact]
    public void Now_FinerThanMicroseconds_IsTruncatedAndUtc()
    {
        var instant = new DateTimeOffset(2026, 3, 1, 23, 59, 59, TimeSpan.FromHours(9)).AddTicks(9_999_999);
        var now = new BusinessMoment(instant, PointsHarness.Seoul).Now;
        Assert.Equal(TimeSpan.Zero, now.Offset);
        Assert.Equal(instant.AddTicks(-9), now);
    }
}
