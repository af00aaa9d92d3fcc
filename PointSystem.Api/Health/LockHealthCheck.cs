using Microsoft.Extensions.Diagnostics.HealthChecks;
using PointSystem.Locking;

namespace PointSystem.Api.Health;

/// <summary>
/// Degraded in the states that the alerts in deploy/prometheus fire on: fallback, failed acquisitions, long waits. Never unhealthy: the
/// replica writes correctly in all of these states, so taking it out of rotation would only make things worse.
/// </summary>
internal sealed class LockHealthCheck(LockMonitor monitor) : IHealthCheck
{
    /// <summary>Maximum share of failed or timed-out commands.</summary>
    public const double FailureShareMax = 0.02;

    /// <summary>Commands per minute below which the share is not evaluated.</summary>
    public const long CommandsMin = 6;

    /// <summary>Maximum normal wait.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(1);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Evaluate(monitor.IsFallback, monitor.FallbackReason, monitor.Combining(1)));

    internal static HealthCheckResult Evaluate(bool isFallback, string? reason, IReadOnlyList<CombiningSnapshot> executors)
    {
        if (isFallback)
        {
            return HealthCheckResult.Degraded($"Writes continue with the row lock only: the lock store is unavailable ({reason}).");
        }

        foreach (var executor in executors)
        {
            var rates = executor.LastMinute;
            var failed = rates.Failed + rates.TimedOut;
            var commands = rates.Executed + failed;
            if (commands >= CommandsMin && failed > commands * FailureShareMax)
            {
                return HealthCheckResult.Degraded($"{failed} of {commands} commands in the last minute failed or timed out.");
            }

            if (executor.Hottest is [{ } hottest, ..] && hottest.OldestWait > WaitMax)
            {
                return HealthCheckResult.Degraded($"A command has waited for {hottest.OldestWait.TotalSeconds:0.0} s.");
            }
        }

        return HealthCheckResult.Healthy("Locks work normally.");
    }
}
