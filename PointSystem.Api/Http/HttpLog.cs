namespace PointSystem.Api.Http;

internal static partial class HttpLog
{
    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "{Method} {Path}: the database is away (trace {TraceId})")]
    public static partial void DatabaseAway(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Information, Message = "{Method} {Path}: the lock was not free in time (trace {TraceId})")]
    public static partial void LockNotFree(this ILogger logger, string method, string path, string traceId);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Error, Message = "{Method} {Path} failed (trace {TraceId})")]
    public static partial void RequestFailed(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Warning, Message = "{Method} {Path}: the work outlived its lease and was rolled back (trace {TraceId})")]
    public static partial void LeaseEnded(this ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Warning, Message = "{Method} {Path}: refused, too many requests wait already (trace {TraceId})")]
    public static partial void QueueFull(this ILogger logger, string method, string path, string traceId);
}
