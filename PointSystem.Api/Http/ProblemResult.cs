using System.Diagnostics;
using System.Globalization;
using Microsoft.Net.Http.Headers;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>
/// Writes a problem, whatever the Accept header is: an error in another format is better than none.
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

        // RFC 9110, 11.6.1: every 401 says how to authenticate. The challenge of a refused token has said more already.
        if (Value.Status == StatusCodes.Status401Unauthorized && response.Headers.WWWAuthenticate.Count == 0)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        // Set again, because the exception handler clears the headers.
        response.Headers.CacheControl = NoStore;
        return response.WriteAsJsonAsync(
            Value with { TraceId = TraceIdOf(httpContext) },
            ProblemJsonContext.Wire.Problem,
            ContentType,
            httpContext.RequestAborted);
    }

    /// <summary>The W3C trace id of the request, as in its logs and spans.</summary>
    public static string TraceIdOf(HttpContext httpContext) =>
        (httpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpActivityFeature>()?.Activity ?? Activity.Current)?.TraceId.ToHexString()
        ?? httpContext.TraceIdentifier;
}
