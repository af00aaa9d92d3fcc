using Microsoft.AspNetCore.Diagnostics;
using PointSystem.Api.Persistence;
using PointSystem.Locking;

namespace PointSystem.Api.Http;

/// <summary>Turns every exception into an answer, without internal details: no stack trace, no SQL.</summary>
internal sealed class ApiExceptionHandler(ILogger<ApiExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            // The client has disconnected and reads no answer. The status is for the access log.
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        await ToProblem(httpContext.Request, exception, ProblemResult.TraceIdOf(httpContext)).ExecuteAsync(httpContext);
        return true;
    }

    private ProblemResult ToProblem(HttpRequest request, Exception exception, string traceId)
    {
        var path = request.Path.Value ?? "";
        switch (exception)
        {
            case RequestRefusedException refused:
                return refused.Problem;
            case BadHttpRequestException bad:
                return Problems.ForStatus(bad.StatusCode);
            case LockNotAcquiredException:
            case var _ when DatabaseErrors.IsLockTimeout(exception):
                logger.LockTimedOut(request.Method, path, traceId);
                return Problems.LockNotAcquired();
            case QueueFullException:
                logger.QueueFull(request.Method, path, traceId);
                return Problems.TooManyRequests();
            case LeaseEndedException:
                // The database took too long: cancelled before the lease ended, and rolled back.
                logger.LeaseEnded(exception, request.Method, path, traceId);
                return Problems.DatabaseUnavailable();
            case var _ when DatabaseErrors.IsUnavailable(exception):
                logger.DatabaseUnavailable(exception, request.Method, path, traceId);
                return Problems.DatabaseUnavailable();
            default:
                logger.RequestFailed(exception, request.Method, path, traceId);
                return Problems.InternalError();
        }
    }
}
