using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.ServiceDefaults;

namespace PointSystem.Gateway;

/// <summary>The gateway's own error responses, in the form of the API's responses and with codes from the same table.</summary>
internal static class GatewayProblems
{
    private const string MayHaveBeenDone = "so the request may or may not have been carried out.";

    public static Task NoReplicaAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.ReplicaUnavailable, "No replica is ready. Nothing was done; try again in a moment.");

    /// <summary>The request was sent to one or several replicas, and none answered.</summary>
    public static Task BrokenAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.ReplicaLost, $"The replica went away before it answered, {MayHaveBeenDone} {HowToFindOut(context.Request)}");

    public static Task TimedOutAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.ReplicaTimeout, $"The replica did not answer in time, {MayHaveBeenDone} {HowToFindOut(context.Request)}");

    public static Task NotFoundAsync(HttpContext context) => WriteAsync(context, ProblemCodes.NotFound, "There is no such address.");

    public static Task TooLargeAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.RequestTooLarge, $"The body must have at most {RequestBody.Largest} bytes.");

    public static Task TooSlowAsync(HttpContext context) => WriteAsync(context, ProblemCodes.RequestTimeout, "The body arrived too slowly; nothing was done.");

    public static Task UnreadableAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.InvalidRequest, "The body ended early or is not framed as its headers say.", "body");

    public static Task CannotBeForwardedAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.InvalidRequest, "The request's target or one of its headers cannot be passed on; nothing was done.", "request");

    /// <summary>A fault of the gateway itself. The log has it under the trace id.</summary>
    public static Task InternalErrorAsync(HttpContext context) =>
        WriteAsync(context, ProblemCodes.InternalError, $"Something went wrong on our side, {MayHaveBeenDone} Quote the trace id when you report it.");

    private static string HowToFindOut(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) ? "It changes nothing: send it again."
        : RetryRules.IsRepeatable(request)
            ? $"Send it again with the same {RetryRules.IdempotencyKey}: it is carried out once, and the answer is that of the first time."
        : $"Ask the member's history. With an {RetryRules.IdempotencyKey} it could be sent again safely.";

    private static Task WriteAsync(HttpContext context, string code, string detail, string? field = null)
    {
        if (context.Response.HasStarted)
        {
            // Part of the response was sent: only a broken connection tells the caller that it is incomplete.
            context.Abort();
            return Task.CompletedTask;
        }
        var published = ProblemCodes.Get(code);
        context.Response.Clear();
        context.Response.StatusCode = published.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (published.RetryAfterSeconds is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }
        var traceId = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
        return context.Response.WriteAsJsonAsync(
            new Problem(published.Type, published.Title, published.Status, detail, code, traceId)
            {
                Errors = field is null ? null : new Dictionary<string, string[]> { [field] = [detail] },
            },
            (JsonSerializerOptions?)null,
            "application/problem+json",
            CancellationToken.None);
    }

    private sealed record Problem(string Type, string Title, int Status, string Detail, string Code, string TraceId)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public IReadOnlyDictionary<string, string[]>? Errors { get; init; }
    }
}
