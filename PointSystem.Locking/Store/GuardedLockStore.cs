namespace PointSystem.Locking.Store;

/// <summary>
/// Holds a store to its contract. A client library throws more than it says (gRPC, for one, turns a server's DEADLINE_EXCEEDED into a
/// cancellation that no caller asked for). Passed on as it is, such an exception would reach the caller as an error, or leave the breaker
/// open. So everything except our own cancellation is a <see cref="LockStoreException"/> here, and one that may have taken effect.
/// </summary>
internal sealed class GuardedLockStore(ILockStore store)
{
    /// <inheritdoc cref="ILockStore.TryLockAsync"/>
    public async Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken)
    {
        try
        {
            return await store.TryLockAsync(key, owner, leaseSeconds, cancellationToken);
        }
        catch (Exception failure) when (IsForeign(failure, cancellationToken))
        {
            throw Translate(failure);
        }
    }

    /// <inheritdoc cref="ILockStore.UnlockAsync"/>
    public async Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken)
    {
        try
        {
            return await store.UnlockAsync(key, owner, cancellationToken);
        }
        catch (Exception failure) when (IsForeign(failure, cancellationToken))
        {
            throw Translate(failure);
        }
    }

    private static bool IsForeign(Exception failure, CancellationToken cancellationToken) => failure switch
    {
        LockStoreException or OutOfMemoryException => false,
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        _ => true,
    };

    private static LockStoreException Translate(Exception failure) =>
        new(failure is OperationCanceledException or TimeoutException ? "timeout" : "unexpected", isAmbiguous: true, failure);
}
