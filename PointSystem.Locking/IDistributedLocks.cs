namespace PointSystem.Locking;

/// <summary>
/// Takes distributed locks. A lock thins out contention and keeps waiting callers away from the database; it never decides which write is
/// right: the row lock in the writing transaction does. So when the lock service is away, a handle is still given, marked
/// <see cref="LockHandle.IsFallback"/>, and the work goes on.
/// </summary>
public interface IDistributedLocks
{
    /// <summary>Takes the lock, or answers null when others held it until the wait ran out.</summary>
    /// <param name="key">Not empty and without <c>||</c>, such as <c>point:use:member:42</c>.</param>
    /// <param name="options">Wait, lease and the operation's name.</param>
    /// <param name="cancellationToken">Leaves the queue.</param>
    /// <exception cref="ArgumentException">The key or the options are not usable.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    Task<LockHandle?> TryAcquireAsync(string key, LockOptions options, CancellationToken cancellationToken);

    /// <summary>As <see cref="TryAcquireAsync"/>, but a wait that runs out is an exception.</summary>
    /// <exception cref="LockNotAcquiredException">Others held the lock until the wait ran out.</exception>
    Task<LockHandle> AcquireAsync(string key, LockOptions options, CancellationToken cancellationToken);
}
