using Microsoft.Extensions.Diagnostics.HealthChecks;
using PointSystem.Api.Health;
using PointSystem.Locking;

namespace PointSystem.Tests.Api;

public sealed class LockHealthCheckTests
{
    private static readonly CombiningRates Quiet = new(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    [Fact]
    public void Evaluate_BreakerOpen_IsDegradedWithTheReason()
    {
        var result = LockHealthCheck.Evaluate(isFallback: true, "timeout", []);

        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("timeout", result.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1_000, 0, 0, HealthStatus.Healthy)]
    [InlineData(980, 20, 0, HealthStatus.Healthy)]
    [InlineData(979, 21, 0, HealthStatus.Degraded)]
    [InlineData(979, 0, 21, HealthStatus.Degraded)]
    [InlineData(0, 5, 0, HealthStatus.Healthy)]
    [InlineData(0, 6, 0, HealthStatus.Degraded)]
    public void Evaluate_ShareOfFailures_IsDegradedAboveTwoPercent(long executed, long timedOut, long failed, HealthStatus expected)
    {
        var snapshot = new CombiningSnapshot(0, 0, 0, [], Quiet with { Executed = executed, TimedOut = timedOut, Failed = failed });

        Assert.Equal(expected, LockHealthCheck.Evaluate(isFallback: false, null, [snapshot]).Status);
    }

    [Theory]
    [InlineData(1_000, HealthStatus.Healthy)]
    [InlineData(1_001, HealthStatus.Degraded)]
    public void Evaluate_LongestWait_IsDegradedAboveOneSecond(int milliseconds, HealthStatus expected)
    {
        var key = new KeySnapshot(["point:use:member:7"], 3, TimeSpan.FromMilliseconds(milliseconds), 10, TimeSpan.Zero, TimeSpan.Zero);

        var result = LockHealthCheck.Evaluate(isFallback: false, null, [new CombiningSnapshot(3, 1, 1, [key], Quiet)]);

        Assert.Equal(expected, result.Status);
    }
}
