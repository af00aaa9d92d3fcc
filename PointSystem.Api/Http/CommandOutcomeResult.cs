using PointSystem.Api.Ledger;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>Writes an outcome as the HTTP answer.</summary>
internal sealed class CommandOutcomeResult(CommandOutcome outcome) : IResult, IStatusCodeHttpResult
{
    /// <summary>Header of an answer that repeats the answer to an earlier request with the same idempotency key.</summary>
    public const string ReplayedHeader = "Idempotency-Replayed";

    public int? StatusCode => outcome.Error is { } error ? ProblemCodes.Get(error.Code).Status : outcome.Status;

    /// <summary>Whether it repeats an earlier answer: this request did nothing.</summary>
    public bool IsReplay => outcome.IsReplay;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        if (outcome.IsReplay)
        {
            response.Headers[ReplayedHeader] = "true";
        }

        if (outcome.Error is { } error)
        {
            return error.ToProblem().ExecuteAsync(httpContext);
        }

        if (MemberTags.VersionOf(outcome.Answer.Span) is { } version)
        {
            response.Headers.ETag = MemberTags.Of(version);
        }

        response.StatusCode = outcome.Status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = outcome.Answer.Length;
        return response.Body.WriteAsync(outcome.Answer, httpContext.RequestAborted).AsTask();
    }
}
