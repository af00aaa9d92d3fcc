using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;

namespace PointSystem.Local.Sidecar;

/// <summary>
/// The two lock calls of the gRPC service <c>dapr.proto.runtime.v1.Dapr</c>, bound by hand: Dapr.Protos contains the messages and the
/// client, but no server base class. Every other call of that service returns UNIMPLEMENTED.
/// </summary>
[BindServiceMethod(typeof(DaprLockContract), nameof(Bind))]
internal abstract class DaprLockContract
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    private static readonly Method<TryLockRequest, TryLockResponse> TryLockMethod = new(
        MethodType.Unary, Service, nameof(TryLockAlpha1), Of(TryLockRequest.Parser), Of(TryLockResponse.Parser));

    private static readonly Method<UnlockRequest, UnlockResponse> UnlockMethod = new(
        MethodType.Unary, Service, nameof(UnlockAlpha1), Of(UnlockRequest.Parser), Of(UnlockResponse.Parser));

    public abstract Task<TryLockResponse> TryLockAlpha1(TryLockRequest request, ServerCallContext context);

    public abstract Task<UnlockResponse> UnlockAlpha1(UnlockRequest request, ServerCallContext context);

    /// <summary>
    /// Called by the gRPC server through the attribute above. The instance is null when only the method definitions are needed.
    /// </summary>
    public static void Bind(ServiceBinderBase binder, DaprLockContract? service)
    {
        binder.AddMethod(TryLockMethod, service is null ? null : service.TryLockAlpha1);
        binder.AddMethod(UnlockMethod, service is null ? null : service.UnlockAlpha1);
    }

    private static Marshaller<T> Of<T>(MessageParser<T> parser)
        where T : class, IMessage<T> =>
        Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
}
