namespace PointSystem.Locking.Store;

/// <summary>
/// The bare lock API: never waits, never retries, honours its token at once. Every failure except the cancellation that its token asked for is a
/// <see cref="LockStoreException"/>.
/// </summary>
internal interface ILockStore
{
    /// <summary>True when the lock was taken, false when it is held (by the same owner too).</summary>
    /// <exception cref="LockStoreException">The store did not do its work.</exception>
    Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken);

    /// <exception cref="LockStoreException">The store did not do its work.</exception>
    Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken);
}

/// <summary>What became of an unlock.</summary>
internal enum UnlockStatus
{
    /// <summary>The owner held the lock, and no longer does.</summary>
    Released,

    /// <summary>There was no such lock: the lease had ended, or the store has lost it.</summary>
    DoesNotExist,

    /// <summary>Another owner holds it by now.</summary>
    BelongsToOthers,
}
