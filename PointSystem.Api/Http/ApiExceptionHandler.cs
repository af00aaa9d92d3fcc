using Microsoft.AspNetCore.Diagnostics;
using PointSystem.Api.Persistence;
using PointSystem.Locking;

namespace PointSystem.Api.Http;

/// <summary>The one place where an exception becomes an answer. Nothing of the inside leaves: no stack trace, no SQL.</summary>
internal sealed class ApiExceptionHandler(ILogger<ApiExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: nobody reads an answer. The status is for the access log.
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        await Judge(httpContext.Request, exception, ProblemResult.TraceIdOf(httpContext)).ExecuteAsync(httpContext);
        return true;
    }

    private ProblemResult Judge(HttpRequest request, Exception exception, string traceId)
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
                logger.LockNotFree(request.Method, path, traceId);
                return Problems.LockNotAcquired();
            case QueueFullException:
                logger.QueueFull(request.Method, path, traceId);
                return Problems.TooManyRequests();
            case LeaseEndedException:
                // Cancelled before its lease ended, because the database took too long; rolled back.
                logger.LeaseEnded(exception, request.Method, path, traceId);
                return Problems.DatabaseUnavailable();
            case var _ when DatabaseErrors.IsAway(exception):
                logger.DatabaseAway(exception, request.Method, path, traceId);
                return Problems.DatabaseUnavailable();
            default:
                logger.RequestFailed(exception, request.Method, path, traceId);
                return Problems.InternalError();
        }
    }
}
