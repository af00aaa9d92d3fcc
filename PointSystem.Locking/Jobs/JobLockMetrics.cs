using System.Diagnostics.Metrics;

namespace PointSystem.Locking.Jobs;

/// <summary>Renewals of job locks, in the meter of the other locks.</summary>
internal sealed class JobLockMetrics(IMeterFactory meters)
{
    // The factory gives the same meter for the same name.
    private readonly Counter<long> _renewals = meters.Create(LockMetrics.SourceName)
        .CreateCounter<long>("pointsystem.lock.renewals", "{renewal}", "Renewals of one of a job lock's two keys, by outcome.");

    public void Renewed(string operation, string outcome) => _renewals.Add(1, new("operation", operation), new("outcome", outcome));
}

/// <summary>The outcomes of a renewal.</summary>
internal static class RenewalOutcome
{
    public const string Renewed = "renewed";

    /// <summary>The lock was lost over it, or had been lost before.</summary>
    public const string Lost = "lost";

    /// <summary>The lock was given back or capped meanwhile.</summary>
    public const string Stopped = "stopped";
}
