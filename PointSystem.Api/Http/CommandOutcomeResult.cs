using PointSystem.Api.Ledger;

namespace PointSystem.Api.Http;

/// <summary>Writes an outcome as the HTTP answer.</summary>
internal sealed class CommandOutcomeResult(CommandOutcome outcome) : IResult
{
    /// <summary>Header of an answer that repeats the answer to an earlier request with the same idempotency key.</summary>
    public const string ReplayedHeader = "Idempotency-Replayed";

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

        response.StatusCode = outcome.Status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = outcome.Answer.Length;
        return response.Body.WriteAsync(outcome.Answer, httpContext.RequestAborted).AsTask();
    }
}
