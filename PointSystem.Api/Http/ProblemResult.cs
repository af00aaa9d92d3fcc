using System.Diagnostics;
using System.Globalization;
using Microsoft.Net.Http.Headers;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>
/// Answers with a problem, whatever the client says it accepts: an error that cannot be read is worse than one in another format.
/// </summary>
internal sealed class ProblemResult(Problem problem) : IResult, IStatusCodeHttpResult, IValueHttpResult<Problem>
{
    public const string ContentType = "application/problem+json";

    /// <summary>The header <c>Cache-Control</c> of every answer.</summary>
    public const string NoStore = "no-store";

    public Problem Value { get; } = problem;

    public int? StatusCode => Value.Status;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Value.Status;
        if (ProblemCodes.Get(Value.Code).RetryAfterSeconds is { } seconds)
        {
            response.Headers[HeaderNames.RetryAfter] = seconds.ToString(CultureInfo.InvariantCulture);
        }

        // Again: an exception has cleared the headers.
        response.Headers.CacheControl = NoStore;
        return response.WriteAsJsonAsync(
            Value with { TraceId = TraceIdOf(httpContext) },
            ProblemJsonContext.Wire.Problem,
            ContentType,
            httpContext.RequestAborted);
    }

    /// <summary>The W3C trace id of the request, the one that its logs and spans carry.</summary>
    public static string TraceIdOf(HttpContext httpContext) =>
        (httpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpActivityFeature>()?.Activity ?? Activity.Current)?.TraceId.ToHexString()
        ?? httpContext.TraceIdentifier;
}
