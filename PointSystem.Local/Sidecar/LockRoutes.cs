using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;

namespace PointSystem.Local.Sidecar;

/// <summary>The lock API over HTTP, and the health and metadata routes that launchers and clients use.</summary>
internal static class LockRoutes
{
    private static readonly JsonParser Json = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    public static void MapLockApi(this IEndpointRouteBuilder routes, SidecarFlags flags)
    {
        routes.MapPost("/v1.0-alpha1/lock/{store}", (string store, HttpContext http, LockApi api) => AnswerAsync(async () =>
        {
            var request = await ReadAsync(http, TryLockRequest.Parser);
            request.StoreName = store;
            var response = await api.TryLockAsync(request, http.RequestAborted);
            return Results.Json(new TryLockBody(response.Success), SidecarJson.Default.TryLockBody);
        }));
        routes.MapPost("/v1.0-alpha1/unlock/{store}", (string store, HttpContext http, LockApi api) => AnswerAsync(async () =>
        {
            var request = await ReadAsync(http, UnlockRequest.Parser);
            request.StoreName = store;
            var response = await api.UnlockAsync(request, http.RequestAborted);
            return Results.Json(new UnlockBody((int)response.Status), SidecarJson.Default.UnlockBody);
        }));
        routes.MapGet("/v1.0/healthz", (string? appid) =>
            appid is null || appid == flags.AppId ? Results.NoContent() : Error(ApiError.AppIdMismatch()));
        routes.MapGet("/v1.0/healthz/outbound", () => Results.NoContent());
        routes.MapGet("/v1.0/metadata", (LockStores stores) => Results.Json(Metadata(flags, stores), SidecarJson.Default.MetadataBody));
    }

    private static async Task<T> ReadAsync<T>(HttpContext http, MessageParser<T> parser)
        where T : class, IMessage<T>, new()
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync(http.RequestAborted);
        try
        {
            return body.Length == 0 ? new T() : Json.Parse<T>(body);
        }
        catch (Exception error) when (error is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw ApiError.Unreadable(error.Message);
        }
    }

    private static async Task<IResult> AnswerAsync(Func<Task<IResult>> call)
    {
        try
        {
            return await call();
        }
        catch (ApiError error)
        {
            return Error(error);
        }
    }

    private static IResult Error(ApiError error) =>
        Results.Json(new ApiErrorBody(error.Code, error.Message), SidecarJson.Default.ApiErrorBody, statusCode: error.HttpStatus);

    private static MetadataBody Metadata(SidecarFlags flags, LockStores stores) => new(
        flags.AppId,
        "pointsystem-stand-in",
        [.. stores.Loaded.Select(c => new MetadataComponent(c.Metadata.Name, c.Spec.Type, c.Spec.Version))],
        new Dictionary<string, string> { ["standIn"] = "lock API only; this is not Dapr" });
}
