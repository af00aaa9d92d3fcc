using Dapr.Client.Autogen.Grpc.v1;

namespace PointSystem.Local.Sidecar;

/// <summary>The lock API behind both transports, with daprd's order of checks.</summary>
internal sealed class LockApi(LockStores stores, OutboundPolicies policies, ILogger<LockApi> logger)
{
    /// <summary>Tries to acquire a lock; never waits for its holder.</summary>
    /// <exception cref="ApiError">The request is malformed, or the attempt failed.</exception>
    public async Task<TryLockResponse> TryLockAsync(TryLockRequest request, CancellationToken cancellationToken)
    {
        if (request.ExpiryInSeconds <= 0)
        {
            throw ApiError.ExpiryNotPositive(request.StoreName);
        }
        var store = Find(request.StoreName, request.ResourceId, request.LockOwner);
        if (LockKey.Illegal(request.ResourceId) is { } problem)
        {
            throw ApiError.TryLockFailed(problem);
        }
        try
        {
            var expiry = TimeSpan.FromSeconds(request.ExpiryInSeconds);
            var taken = await policies.For(request.StoreName).ExecuteAsync(
                ct => store.TryLockAsync(store.KeyOf(request.ResourceId), request.LockOwner, expiry, ct), cancellationToken);
            return new TryLockResponse { Success = taken };
        }
        // Like daprd, reports every exception of the store to the caller as a failure of the component.
        catch (Exception error)
        {
            logger.StoreFailed("TryLock", request.StoreName, error.Message);
            throw ApiError.TryLockFailed(RedisOptions.Explain(error));
        }
    }

    /// <summary>Releases a lock.</summary>
    /// <exception cref="ApiError">The request is malformed, or it is unknown whether the lock is free now.</exception>
    public async Task<UnlockResponse> UnlockAsync(UnlockRequest request, CancellationToken cancellationToken)
    {
        var store = Find(request.StoreName, request.ResourceId, request.LockOwner);
        if (LockKey.Illegal(request.ResourceId) is { } problem)
        {
            throw ApiError.UnlockFailed(problem);
        }
        try
        {
            var status = await policies.For(request.StoreName).ExecuteAsync(
                ct => store.UnlockAsync(store.KeyOf(request.ResourceId), request.LockOwner, ct), cancellationToken);
            return new UnlockResponse { Status = status };
        }
        catch (Exception error)
        {
            logger.StoreFailed("Unlock", request.StoreName, error.Message);
            throw ApiError.UnlockFailed(RedisOptions.Explain(error));
        }
    }

    private RedisLockStore Find(string storeName, string resourceId, string owner)
    {
        if (stores.IsEmpty)
        {
            throw ApiError.NoStores();
        }
        if (resourceId.Length == 0)
        {
            throw ApiError.ResourceEmpty(storeName);
        }
        if (owner.Length == 0)
        {
            throw ApiError.OwnerEmpty(storeName);
        }
        return stores.TryGet(storeName, out var store) ? store : throw ApiError.StoreNotFound(storeName);
    }
}
