using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace PointSystem.Gateway;

/// <summary>The gateway's own error answers, in the form of the API's.</summary>
internal static class GatewayProblems
{
    private const string ReplicaUnavailable = "REPLICA_UNAVAILABLE";
    private const string InvalidRequest = "INVALID_REQUEST";
    private const string NotFound = "NOT_FOUND";
    private const int RetryAfterSeconds = 1;

    public static Task NobodyAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status503ServiceUnavailable, "No replica is available",
        "No replica is ready. Nothing was done; try again in a moment.", ReplicaUnavailable);

    public static Task BrokenAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status502BadGateway, "The replica went away",
        "The replica went away before it answered, so the request may or may not have been carried out. "
        + $"Send it with an {RetryRules.IdempotencyKey} to be able to repeat it safely.",
        ReplicaUnavailable);

    public static Task TimedOutAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status504GatewayTimeout, "The replica did not answer",
        "The replica did not answer in time, so the request may or may not have been carried out. "
        + $"Send it with an {RetryRules.IdempotencyKey} to be able to repeat it safely.",
        ReplicaUnavailable);

    public static Task NotFoundAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status404NotFound, "Not found", "There is no such address.", NotFound);

    public static Task TooLargeAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status413PayloadTooLarge, "The request is too large", $"The body is larger than {RequestBody.Largest} bytes.", InvalidRequest);

    public static Task UnreadableAsync(HttpContext context) => WriteAsync(
        context, StatusCodes.Status400BadRequest, "The request cannot be read", "The body ended early or is not framed as its headers say.", InvalidRequest);

    private static Task WriteAsync(HttpContext context, int status, string title, string detail, string code)
    {
        if (context.Response.HasStarted)
        {
            // Part of an answer is out: only breaking the connection tells the caller that it is not whole.
            context.Abort();
            return Task.CompletedTask;
        }
        context.Response.Clear();
        context.Response.StatusCode = status;
        if (code == ReplicaUnavailable)
        {
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }
        var traceId = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
        return context.Response.WriteAsJsonAsync(
            new Problem($"urn:pointsystem:problem:{code}", title, status, detail, code, traceId),
            (JsonSerializerOptions?)null,
            "application/problem+json",
            CancellationToken.None);
    }

    private sealed record Problem(string Type, string Title, int Status, string Detail, string Code, string TraceId);
}
