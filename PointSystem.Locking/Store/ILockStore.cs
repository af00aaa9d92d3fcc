namespace PointSystem.Locking.Store;

/// <summary>
/// The bare lock API: never waits, never retries, and observes its token at once. Every failure except the cancellation that its token
/// requested is a <see cref="LockStoreException"/>.
/// </summary>
internal interface ILockStore
{
    /// <summary>Returns true when the lock was acquired, false when it is held (also by the same owner).</summary>
    /// <exception cref="LockStoreException">The store failed.</exception>
    Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken);

    /// <exception cref="LockStoreException">The store failed.</exception>
    Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken);
}

/// <summary>The result of an unlock.</summary>
internal enum UnlockStatus
{
    /// <summary>The owner held the lock and has released it.</summary>
    Released,

    /// <summary>The lock did not exist: the lease had ended, or the store has lost it.</summary>
    DoesNotExist,

    /// <summary>Another owner holds the lock now.</summary>
    BelongsToOthers,
}
