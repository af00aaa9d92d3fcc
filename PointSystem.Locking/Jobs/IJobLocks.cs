namespace PointSystem.Locking.Jobs;

/// <summary>
/// Acquires locks for work that takes longer than a lease. Such a lock is renewed without a gap for as long as it is held. The lock API
/// has no renewal, so two keys are used in relay (docs/locking.md). Like every lock here it decides which process waits, never which
/// result is right.
/// </summary>
public interface IJobLocks
{
    /// <summary>
    /// Acquires the lock, or returns null when another process holds it. A single attempt, independent of <c>Locking:Mode</c>: the mode
    /// is for requests. While the lock store is unavailable the result is a handle without a lock (<see cref="JobLock.IsFallback"/>), and
    /// the caller decides what to do.
    /// </summary>
    /// <param name="key">Not empty and without <c>||</c>, such as <c>point:job:expiry</c>. Few values: it also names the lock in
    /// metrics.</param>
    /// <param name="options">Lease, cap and renewal interval.</param>
    /// <param name="cancellationToken">Cancels the attempt; nothing is held then.</param>
    /// <exception cref="ArgumentException">The key or the options are not usable.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    Task<JobLock?> TryAcquireAsync(string key, JobLockOptions options, CancellationToken cancellationToken);
}
