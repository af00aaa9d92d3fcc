using System.Diagnostics.Metrics;

namespace PointSystem.Locking.Jobs;

/// <summary>Renewals of job locks, in the meter of the other locks.</summary>
internal sealed class JobLockMetrics(IMeterFactory meters)
{
    // The factory returns the same meter for the same name.
    private readonly Counter<long> _renewals = meters.Create(LockMetrics.SourceName)
        .CreateCounter<long>("pointsystem.lock.renewals", "{renewal}", "Renewals of a job lock's keys, by outcome.");

    public void Renewed(string operation, string outcome) => _renewals.Add(1, new("operation", operation), new("outcome", outcome));
}

/// <summary>Outcomes of a renewal.</summary>
internal static class RenewalOutcome
{
    public const string Renewed = "renewed";

    /// <summary>The lock was lost during or before the renewal.</summary>
    public const string Lost = "lost";

    /// <summary>The lock was released or capped in the meantime.</summary>
    public const string Stopped = "stopped";
}
