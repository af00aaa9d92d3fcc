using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace PointSystem.Local.Sidecar;

/// <summary>The lock API over gRPC.</summary>
internal sealed class DaprLockService(LockApi api) : DaprLockContract
{
    public override Task<TryLockResponse> TryLockAlpha1(TryLockRequest request, ServerCallContext context) =>
        WithStatus(api.TryLockAsync(request, context.CancellationToken));

    public override Task<UnlockResponse> UnlockAlpha1(UnlockRequest request, ServerCallContext context) =>
        WithStatus(api.UnlockAsync(request, context.CancellationToken));

    private static async Task<T> WithStatus<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (ApiError error)
        {
            throw new RpcException(new Status(error.GrpcStatus, error.Message), error.Message);
        }
    }
}
