using System.Text.Json.Serialization;
using Grpc.Core;

namespace PointSystem.Local.Sidecar;

/// <summary>The body of a failed HTTP call.</summary>
internal sealed record ApiErrorBody([property: JsonPropertyName("errorCode")] string ErrorCode, [property: JsonPropertyName("message")] string Message);

/// <summary>A refusal or failure of the lock API, with daprd's code, message, HTTP status and gRPC status.</summary>
internal sealed class ApiError : Exception
{
    private ApiError(string code, int httpStatus, StatusCode grpcStatus, string message)
        : base(message) =>
        (Code, HttpStatus, GrpcStatus) = (code, httpStatus, grpcStatus);

    public string Code { get; }

    public int HttpStatus { get; }

    public StatusCode GrpcStatus { get; }

    public static ApiError NoStores() => new("ERR_LOCK_STORE_NOT_CONFIGURED", 500, StatusCode.FailedPrecondition, "lock store is not configured");

    public static ApiError StoreNotFound(string store) => new("ERR_LOCK_STORE_NOT_FOUND", 400, StatusCode.InvalidArgument, $"lock store {store} not found");

    public static ApiError ExpiryNotPositive(string store) => Malformed($"ExpiryInSeconds is not positive in lock store {store}");

    public static ApiError ResourceEmpty(string store) => Malformed($"ResourceId is empty in lock store {store}");

    public static ApiError OwnerEmpty(string store) => Malformed($"LockOwner is empty in lock store {store}");

    public static ApiError Unreadable(string why) => Malformed($"failed deserializing HTTP body: {why}");

    public static ApiError TryLockFailed(string why) => new("ERR_TRY_LOCK", 500, StatusCode.Internal, $"failed to try acquiring lock: {why}");

    public static ApiError UnlockFailed(string why) => new("ERR_UNLOCK", 500, StatusCode.Internal, $"failed to release lock: {why}");

    public static ApiError AppIdMismatch() => new("ERR_HEALTH_APPID_NOT_MATCH", 500, StatusCode.Internal, "dapr app-id does not match");

    private static ApiError Malformed(string message) => new("ERR_MALFORMED_REQUEST", 400, StatusCode.InvalidArgument, message);
}
