using Microsoft.Extensions.Diagnostics.HealthChecks;
using PointSystem.Locking;

namespace PointSystem.Api.Health;

/// <summary>
/// Degraded on what the alarms of deploy/prometheus fire on: fallback, acquisitions that fail, abnormal waits. Never unhealthy: the replica writes
/// correctly in every one of these states, so taking it out of rotation would only make things worse.
/// </summary>
internal sealed class LockHealthCheck(LockMonitor monitor) : IHealthCheck
{
    /// <summary>Share of commands that may run out of time before that is a sign.</summary>
    public const double FailureShareMax = 0.02;

    /// <summary>Commands a minute below which a share means nothing.</summary>
    public const long CommandsMin = 6;

    /// <summary>A wait beyond this is abnormal.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(1);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Evaluate(monitor.IsFallback, monitor.FallbackReason, monitor.Combining(1)));

    internal static HealthCheckResult Evaluate(bool isFallback, string? reason, IReadOnlyList<CombiningSnapshot> executors)
    {
        if (isFallback)
        {
            return HealthCheckResult.Degraded($"Writes go on under the row lock alone: the lock service is away ({reason}).");
        }

        foreach (var executor in executors)
        {
            var rates = executor.LastMinute;
            var failed = rates.Failed + rates.TimedOut;
            var commands = rates.Executed + failed;
            if (commands >= CommandsMin && failed > commands * FailureShareMax)
            {
                return HealthCheckResult.Degraded($"{failed} of {commands} commands of the last minute failed or ran out of time.");
            }

            if (executor.Hottest is [{ } hottest, ..] && hottest.OldestWait > WaitMax)
            {
                return HealthCheckResult.Degraded($"A command has waited for {hottest.OldestWait.TotalSeconds:0.0} s.");
            }
        }

        return HealthCheckResult.Healthy("Locks are taken.");
    }
}
