namespace PointSystem.Locking;

/// <summary>How one lock is taken from code.</summary>
public sealed record LockOptions
{
    /// <summary>Maximum wait, the queue in memory included. Zero means a single attempt. Default 5 s.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After how long the lock ends by itself. Whole seconds, at least one (the store counts in seconds). Default 10 s.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Names the use in metrics and in configuration, such as <c>point:job:expiry</c>. Few values; never an id.</summary>
    public string Operation { get; init; } = "other";

    /// <summary>What a command does that does not get the lock.</summary>
    internal LockTimeoutAction OnTimeout { get; init; } = LockTimeoutAction.Refuse;
}
