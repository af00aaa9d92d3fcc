namespace PointSystem.Api.Http;

/// <summary>The stable codes of what HTTP itself refuses, beside the codes of the points rules. Published: never rename one.</summary>
internal static class HttpErrorCodes
{
    public const string Unauthorized = "UNAUTHORIZED";
    public const string Forbidden = "FORBIDDEN";
    public const string NotFound = "NOT_FOUND";
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";
    public const string UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";
    public const string RequestTooLarge = "REQUEST_TOO_LARGE";
    public const string RequestTimeout = "REQUEST_TIMEOUT";
    public const string LockNotAcquired = "LOCK_NOT_ACQUIRED";
    public const string TooManyRequests = "TOO_MANY_REQUESTS";
    public const string DatabaseUnavailable = "DATABASE_UNAVAILABLE";
    public const string InternalError = "INTERNAL_ERROR";
}
