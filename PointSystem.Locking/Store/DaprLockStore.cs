using Dapr;
using Dapr.Client;
using Grpc.Core;
using Microsoft.Extensions.Options;

// Dapr marks its lock API as alpha; docs/locking.md lists what we rely on.
#pragma warning disable DAPR_DISTRIBUTEDLOCK

namespace PointSystem.Locking.Store;

/// <summary>Dapr's lock API through the shared client. Unlock uses it too, never the response's own dispose.</summary>
internal sealed class DaprLockStore(DaprClient dapr, IOptions<LockingOptions> options) : ILockStore
{
    private readonly string _store = options.Value.StoreName;

    public async Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken)
    {
        try
        {
            // Disposing the response would unlock through a client of its own: see docs/locking.md.
            var response = await dapr.Lock(_store, key, owner, leaseSeconds, cancellationToken);
            return response.Success;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw Classify(failure, cancellationToken);
        }
    }

    public async Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken)
    {
        try
        {
            var response = await dapr.Unlock(_store, key, owner, cancellationToken);
            return response.status switch
            {
                LockStatus.Success => UnlockStatus.Released,
                LockStatus.LockDoesNotExist => UnlockStatus.DoesNotExist,
                LockStatus.LockBelongsToOthers => UnlockStatus.BelongsToOthers,
                _ => throw new LockStoreException("unlock-internal", isAmbiguous: true),
            };
        }
        catch (Exception failure) when (failure is not (LockStoreException or OutOfMemoryException))
        {
            throw Classify(failure, cancellationToken);
        }
    }

    /// <summary>
    /// Classifies by gRPC code. Everything except our own cancellation is a <see cref="LockStoreException"/>, also exceptions that the client
    /// does not document (gRPC turns a server's DEADLINE_EXCEEDED into a cancellation that no caller requested). Our own cancellation becomes
    /// an OperationCanceledException, whatever the client wrapped it in.
    /// </summary>
    private static Exception Classify(Exception failure, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested && (failure is OperationCanceledException || RpcOf(failure)?.StatusCode == StatusCode.Cancelled))
        {
            return new OperationCanceledException(failure.Message, failure, cancellationToken);
        }
        return RpcOf(failure) is { } rpc
            ? new LockStoreException(ReasonOf(rpc), IsAmbiguous(rpc), rpc)
            : new LockStoreException(failure is OperationCanceledException or TimeoutException ? "timeout" : "unexpected", isAmbiguous: true, failure);
    }

    private static RpcException? RpcOf(Exception failure) => failure as RpcException ?? (failure as DaprException)?.InnerException as RpcException;

    private static string ReasonOf(RpcException rpc) => rpc.StatusCode switch
    {
        StatusCode.Unavailable => "sidecar-unavailable",
        StatusCode.FailedPrecondition => "store-not-configured",
        StatusCode.InvalidArgument => "invalid-argument",
        StatusCode.Unimplemented => "not-implemented",
        StatusCode.Internal => "store-internal",
        StatusCode.DeadlineExceeded => "timeout",
        StatusCode.Unauthenticated or StatusCode.PermissionDenied => "access-denied",
        _ => "other",
    };

    /// <summary>Whether a TryLock with this error may have set the key.</summary>
    private static bool IsAmbiguous(RpcException rpc) => rpc.StatusCode switch
    {
        StatusCode.FailedPrecondition or StatusCode.InvalidArgument or StatusCode.Unimplemented
            or StatusCode.Unauthenticated or StatusCode.PermissionDenied => false,
        // Without a connection nothing was sent. Any other break may have come after the request.
        StatusCode.Unavailable => !HasNeverConnected(rpc.Status.DebugException),
        _ => true,
    };

    private static bool HasNeverConnected(Exception? cause) => cause switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } => true,
        System.Net.Sockets.SocketException { SocketErrorCode: System.Net.Sockets.SocketError.ConnectionRefused } => true,
        { InnerException: { } inner } => HasNeverConnected(inner),
        _ => false,
    };
}
