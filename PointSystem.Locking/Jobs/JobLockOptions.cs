using PointSystem.Locking.Keys;

namespace PointSystem.Locking.Jobs;

/// <summary>How a job's lock is held.</summary>
public sealed record JobLockOptions
{
    /// <summary>Longest time that others wait for a holder that died. Whole seconds, at least one. Default 30 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The longest total hold, so that work that hangs does not keep the lock for ever. At least the lease. Default 1 h.
    /// </summary>
    public TimeSpan Cap { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Pause between two renewals, of one key each in turn. Null (the default) means a third of the lease.</summary>
    public TimeSpan? RenewEvery { get; init; }

    /// <summary>What is wrong with these options under the general ones, or null.</summary>
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
        // Between two renewals each key in turn is all there is: it must last until a renewal that begins then has had its time.
        var longest = Lease - general.LeaseMargin - general.AttemptTimeout;
        return Pace <= TimeSpan.Zero || Pace > longest
            ? $"its renewals must be at most {longest} apart, not {Pace} (lease less LeaseMargin and AttemptTimeout)"
            : null;
    }

    internal TimeSpan Pace => RenewEvery ?? Lease / 3;
}
