namespace PointSystem.Locking;

/// <summary>
/// Acquires distributed locks. A lock reduces contention and keeps waiting callers away from the database. It never decides which write
/// is right: the row lock in the writing transaction does. When the lock store is unavailable, the caller therefore still gets a handle,
/// marked <see cref="LockHandle.IsFallback"/>, and the work goes on.
/// </summary>
public interface IDistributedLocks
{
    /// <summary>Acquires the lock, or returns null when others held it until the wait ran out.</summary>
    /// <param name="key">Not empty and without <c>||</c>, such as <c>point:use:member:42</c>.</param>
    /// <param name="options">Wait, lease and the operation's name.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="ArgumentException">The key or the options are not usable.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    Task<LockHandle?> TryAcquireAsync(string key, LockOptions options, CancellationToken cancellationToken);

    /// <summary>Like <see cref="TryAcquireAsync"/>, but throws when the wait runs out.</summary>
    /// <exception cref="LockNotAcquiredException">Others held the lock until the wait ran out.</exception>
    Task<LockHandle> AcquireAsync(string key, LockOptions options, CancellationToken cancellationToken);
}
