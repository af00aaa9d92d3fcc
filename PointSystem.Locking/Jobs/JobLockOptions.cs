using PointSystem.Locking.Keys;

namespace PointSystem.Locking.Jobs;

/// <summary>How a job's lock is held.</summary>
public sealed record JobLockOptions
{
    /// <summary>Maximum time that others wait for a holder that died. Whole seconds, at least one. Default 30 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Maximum total hold time, so that work that hangs does not keep the lock forever. At least the lease. Default 1 h.
    /// </summary>
    public TimeSpan Cap { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Time between two renewals; each renews one of the two keys in turn. Null (the default) means a third of the lease.
    /// </summary>
    public TimeSpan? RenewEvery { get; init; }

    /// <summary>Describes what is wrong with these options under the general ones; null if nothing is.</summary>
    public string? FindProblem(LockingOptions general)
    {
        ArgumentNullException.ThrowIfNull(general);
        if (LockOptionsRules.FindProblem(TimeSpan.Zero, Lease, general) is { } problem)
        {
            return problem;
        }
        if (Cap < Lease)
        {
            return $"its cap ({Cap}) must not be shorter than its lease ({Lease})";
        }
        // Between two renewals only one key may still be held. It must last until a renewal that starts then has had its time.
        var longest = Lease - general.LeaseMargin - general.AttemptTimeout;
        return RenewalInterval <= TimeSpan.Zero || RenewalInterval > longest
            ? $"its renewals must be at most {longest} apart, not {RenewalInterval} (lease less LeaseMargin and AttemptTimeout)"
            : null;
    }

    internal TimeSpan RenewalInterval => RenewEvery ?? Lease / 3;
}
