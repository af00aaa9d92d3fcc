namespace PointSystem.Api.Http;

internal static partial class HttpLog
{
    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "{Method} {Path}: the database is unavailable (trace {TraceId})")]
    public static partial void DatabaseUnavailable(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(
        EventId = 1002,
        Level = LogLevel.Information,
        Message = "{Method} {Path}: the lock was not acquired in time (trace {TraceId})")]
    public static partial void LockTimedOut(this ILogger logger, string method, string path, string traceId);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Error, Message = "{Method} {Path} failed (trace {TraceId})")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(
        EventId = 1004,
        Level = LogLevel.Warning,
        Message = "{Method} {Path}: the work exceeded its lease and was rolled back (trace {TraceId})")]
    public static partial void LeaseEnded(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(
        EventId = 1005,
        Level = LogLevel.Warning,
        Message = "{Method} {Path}: refused, because too many requests are waiting (trace {TraceId})")]
    public static partial void QueueFull(this ILogger logger, string method, string path, string traceId);

    [LoggerMessage(
        EventId = 1006,
        Level = LogLevel.Warning,
        Message = "{Refused} requests were refused by the limit '{Limit}' since this was last logged, the last one of {Sender}: {Method} {Path} (trace {TraceId})")]
    public static partial void RateLimited(
        this ILogger logger, long refused, string limit, string? sender, string method, string path, string traceId);
}
