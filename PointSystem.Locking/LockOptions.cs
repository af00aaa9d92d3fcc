namespace PointSystem.Locking;

/// <summary>How one lock is acquired from code.</summary>
public sealed record LockOptions
{
    /// <summary>Maximum wait, including the time in the memory queue. Zero means a single attempt. Default 5 s.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Time after which the lock ends by itself. Whole seconds, at least one (the store counts in seconds). Default 10 s.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Name of the use in metrics and in configuration, such as <c>point:job:expiry</c>. Few values; never an id.</summary>
    public string Operation { get; init; } = "other";

    /// <summary>What a command does that does not get the lock.</summary>
    internal LockTimeoutAction OnTimeout { get; init; } = LockTimeoutAction.Refuse;
}
