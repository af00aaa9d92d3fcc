using System.Diagnostics;
using System.Globalization;
using Microsoft.Net.Http.Headers;

namespace PointSystem.Api.Http;

/// <summary>Answers with a problem, whatever the client says it accepts: an error that cannot be read is worse than one in another format.</summary>
internal sealed class ProblemResult(Problem problem) : IResult, IStatusCodeHttpResult, IValueHttpResult<Problem>
{
    public const string ContentType = "application/problem+json";

    public Problem Value { get; } = problem;

    public int? StatusCode => Value.Status;

    /// <summary>Seconds for the <c>Retry-After</c> header; null for none.</summary>
    public int? RetryAfterSeconds { get; init; }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Value.Status;
        if (RetryAfterSeconds is { } seconds)
        {
            response.Headers[HeaderNames.RetryAfter] = seconds.ToString(CultureInfo.InvariantCulture);
        }

        // Nothing between here and the client may keep a refusal for later.
        response.Headers[HeaderNames.CacheControl] = "no-store";
        return response.WriteAsJsonAsync(
            Value with { TraceId = TraceIdOf(httpContext) },
            PointJsonContext.Wire.Problem,
            ContentType,
            httpContext.RequestAborted);
    }

    /// <summary>The W3C trace id of the request, the one that its logs and spans carry.</summary>
    public static string TraceIdOf(HttpContext httpContext) =>
        (httpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpActivityFeature>()?.Activity ?? Activity.Current)?.TraceId.ToHexString()
        ?? httpContext.TraceIdentifier;
}
