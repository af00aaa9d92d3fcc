namespace PointSystem.Locking.Jobs;

/// <summary>
/// Takes locks for work that outlives a lease. Such a lock is renewed without a gap for as long as it is held, through a lock
/// service that knows no renewal, by a relay of two keys (docs/locking.md). Like every lock here it decides which process waits,
/// never which result is right.
/// </summary>
public interface IJobLocks
{
    /// <summary>
    /// Takes the lock, or returns null when another process has it. A single attempt, whatever <c>Locking:Mode</c> says: the mode is about
    /// requests. While the lock service is away the answer is a handle without a lock (<see cref="JobLock.IsFallback"/>), and the caller
    /// decides what that means.
    /// </summary>
    /// <param name="key">Not empty and without <c>||</c>, such as <c>point:job:expiry</c>. One of few: it names the lock
    /// in metrics too.</param>
    /// <param name="options">Lease, cap and pace of renewal.</param>
    /// <param name="cancellationToken">Gives up; nothing is held then.</param>
    /// <exception cref="ArgumentException">The key or the options are not usable.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    Task<JobLock?> TryAcquireAsync(string key, JobLockOptions options, CancellationToken cancellationToken);
}
