namespace PointSystem.Locking;

/// <summary>
/// A lock that is held until the handle is disposed or the lease ends. Disposing returns at once; the lock is released in the background.
/// </summary>
public sealed class LockHandle : IAsyncDisposable
{
    private readonly Action<LockHandle> _release;
    private readonly CancellationTokenSource _leaseEnding;
    private int _disposed;

    internal LockHandle(Action<LockHandle> release, CancellationTokenSource leaseEnding)
    {
        _release = release;
        _leaseEnding = leaseEnding;
        LeaseEnding = leaseEnding.Token;
    }

    /// <summary>The requested key.</summary>
    public required string Key { get; init; }

    /// <summary>The store's owner token of this acquisition; new for every acquisition. Empty without a lease.</summary>
    public required string Owner { get; init; }

    /// <summary>
    /// When the successful request was sent. The store's lease starts later, so it never ends before <see cref="LeaseEndsAt"/>.
    /// </summary>
    public required DateTimeOffset AcquiredAt { get; init; }

    /// <summary>When the lease ends by itself. In fallback: the same limit for the work, without a lease.</summary>
    public required DateTimeOffset LeaseEndsAt { get; init; }

    /// <summary>True when the lock store is unavailable and there is no lease: only the row lock protects the work.</summary>
    public required bool IsFallback { get; init; }

    /// <summary>True when others held the lock, so that there is no lease: the work waits for its row in the database's queue.</summary>
    internal bool IsQueued { get; init; }

    /// <summary>True when others kept the lock for longer than a command's patience, so that there is no lease.</summary>
    internal bool IsBypass => Owner.Length == 0 && WasContended && !IsQueued;

    /// <summary>True when the lock was kept from earlier work, so that the store was not asked.</summary>
    internal bool IsKept { get; init; }

    /// <summary>Whether the lock may be kept for further commands with the same key.</summary>
    internal bool MayKeep { get; init; }

    /// <summary>True when others held the lock at the first attempt.</summary>
    internal bool WasContended { get; init; }

    /// <summary>Cancelled a margin before the lease ends. Work under the lock must stop on it.</summary>
    public CancellationToken LeaseEnding { get; }

    /// <summary>Releases the lock, off the caller's path. Never throws; further calls do nothing.</summary>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _leaseEnding.Dispose();
            _release(this);
        }
        return ValueTask.CompletedTask;
    }
}
