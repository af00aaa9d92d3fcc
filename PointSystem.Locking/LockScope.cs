namespace PointSystem.Locking;

/// <summary>What work that runs under its command's locks may know of them.</summary>
public sealed class LockScope
{
    // Postgres reads lock_timeout = 0 as "for ever", and a caller that has just got its turn may meet the end of its predecessor's commit.
    private static readonly TimeSpan LeastRowLockWait = TimeSpan.FromMilliseconds(25);

    private readonly TimeProvider _clock;
    private readonly long _arrivedAt;

    internal LockScope(IReadOnlyList<string> keys, bool isFallback, TimeSpan wait, long arrivedAt, TimeProvider clock)
    {
        Keys = keys;
        IsFallback = isFallback;
        Wait = wait;
        _arrivedAt = arrivedAt;
        _clock = clock;
    }

    /// <summary>The locks' keys in the order in which they were taken.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>True when at least one of the locks has no lease because the lock service is away: the row lock is the whole protection.</summary>
    public bool IsFallback { get; }

    /// <summary>The whole wait the command was given.</summary>
    public TimeSpan Wait { get; }

    /// <summary>What is left of the wait, counted from the command's arrival. Never negative.</summary>
    public TimeSpan RemainingWait
    {
        get
        {
            var left = Wait - _clock.GetElapsedTime(_arrivedAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>What <c>SET LOCAL lock_timeout</c> gets: the remaining wait, never less than 25 ms (0 would mean no limit).</summary>
    public TimeSpan RowLockWait => RemainingWait > LeastRowLockWait ? RemainingWait : LeastRowLockWait;
}
