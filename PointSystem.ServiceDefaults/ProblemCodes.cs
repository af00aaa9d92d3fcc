using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace PointSystem.ServiceDefaults;

/// <summary>The code of a problem (RFC 9457), and everything that is the same for all problems with that code.</summary>
/// <param name="Code">The code for programs. It is public: never rename it.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="When">When it is returned; docs/api.md has the same text.</param>
/// <param name="RetryAfterSeconds">Value of the header <c>Retry-After</c>; null for none.</param>
public sealed record ProblemCode(string Code, int Status, string When, int? RetryAfterSeconds = null)
{
    /// <summary>The problem's <c>type</c>: one URN per code.</summary>
    public string Type { get; } = $"urn:pointsystem:problem:{Code.ToLowerInvariant().Replace('_', '-')}";

    /// <summary>The problem's <c>title</c>: the code in words.</summary>
    public string Title { get; } = Code[0] + Code[1..].ToLowerInvariant().Replace('_', ' ');
}

/// <summary>All problem codes, of the API and the gateway. The only list: the API, the gateway and docs/api.md are based on it.</summary>
public static class ProblemCodes
{
    public const string InvalidRequest = "INVALID_REQUEST";
    public const string Unauthorized = "UNAUTHORIZED";
    public const string Forbidden = "FORBIDDEN";
    public const string NotFound = "NOT_FOUND";
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";
    public const string RequestTimeout = "REQUEST_TIMEOUT";
    public const string VersionNotReached = "VERSION_NOT_REACHED";
    public const string RequestTooLarge = "REQUEST_TOO_LARGE";
    public const string UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";
    public const string LockNotAcquired = "LOCK_NOT_ACQUIRED";
    public const string TooManyRequests = "TOO_MANY_REQUESTS";
    public const string RateLimited = "RATE_LIMITED";
    public const string InternalError = "INTERNAL_ERROR";
    public const string ReplicaLost = "REPLICA_LOST";
    public const string DatabaseUnavailable = "DATABASE_UNAVAILABLE";
    public const string TokensUnavailable = "TOKENS_UNAVAILABLE";
    public const string EventsUnavailable = "EVENTS_UNAVAILABLE";
    public const string ReplicaUnavailable = "REPLICA_UNAVAILABLE";
    public const string ReplicaTimeout = "REPLICA_TIMEOUT";

    private static readonly FrozenDictionary<string, ProblemCode> ByCode;

    // The codes of the points rules belong to the domain (PointErrorCodes), which this project does not reference; a test compares the
    // two.
    static ProblemCodes()
    {
        All =
        [
            new(InvalidRequest, StatusCodes.Status400BadRequest, "a field, parameter, header or the body is malformed or unknown; `errors` names it"),
            new("INVALID_AMOUNT", StatusCodes.Status400BadRequest, "the amount is not a whole number of at least 1"),
            new("INVALID_ORDER_NUMBER", StatusCodes.Status400BadRequest, "the order number violates a rule for [texts](#texts)"),
            new(Unauthorized, StatusCodes.Status401Unauthorized, "no valid bearer token, or one that does not hold"),
            new(Forbidden, StatusCodes.Status403Forbidden, "the token does not have the right that this needs, or belongs to another member"),
            new(NotFound, StatusCodes.Status404NotFound, "the address does not exist"),
            new("ACCUMULATION_NOT_FOUND", StatusCodes.Status404NotFound, "no accumulation has this point key"),
            new("USAGE_NOT_FOUND", StatusCodes.Status404NotFound, "no usage has this point key"),
            new("CONFIG_NOT_FOUND", StatusCodes.Status404NotFound, "the configuration key does not exist"),
            new(MethodNotAllowed, StatusCodes.Status405MethodNotAllowed, "the address does not support this method"),
            new(RequestTimeout, StatusCodes.Status408RequestTimeout, "the body arrived too slowly; nothing was done"),
            new("ALREADY_CANCELLED", StatusCodes.Status409Conflict, "it has already been fully cancelled"),
            new("CANNOT_CANCEL_ACCUMULATION", StatusCodes.Status409Conflict, "the accumulation is in use or has expired"),
            new("DUPLICATE_ORDER", StatusCodes.Status409Conflict, "`ON_DUPLICATE_ORDER` is `REFUSE`, and this order has a usage that is not fully cancelled"),
            new(
                VersionNotReached, StatusCodes.Status412PreconditionFailed,
                "the member has not reached the version of `X-Min-Version`, also after a short wait"),
            new(RequestTooLarge, StatusCodes.Status413PayloadTooLarge, "the body has more than 65,536 bytes"),
            new(UnsupportedMediaType, StatusCodes.Status415UnsupportedMediaType, "the body is not JSON in UTF-8"),
            new("INSUFFICIENT_POINT", StatusCodes.Status422UnprocessableEntity, "too few usable points; `available` and `requested` are the amounts"),
            new("EXCEEDED_MAX_ACCUMULATION", StatusCodes.Status422UnprocessableEntity, "more than `MAX_ACCUMULATION_AMOUNT_PER_TIME`"),
            new("EXCEEDED_MAX_BALANCE", StatusCodes.Status422UnprocessableEntity, "more than `MAX_BALANCE_PER_MEMBER` afterwards"),
            new("INVALID_EXPIRATION_DATE", StatusCodes.Status422UnprocessableEntity, "expirationDays outside `MIN_…` and `MAX_EXPIRATION_DAYS`"),
            new("EXCEEDED_CANCEL_AMOUNT", StatusCodes.Status422UnprocessableEntity, "more than the remaining points of the usage"),
            new("INVALID_CONFIG_VALUE", StatusCodes.Status422UnprocessableEntity, "the value is invalid, alone or together with the others"),
            new("IDEMPOTENCY_KEY_REUSED", StatusCodes.Status422UnprocessableEntity, "the Idempotency-Key was used for another request"),
            new(
                LockNotAcquired, StatusCodes.Status423Locked,
                "others held the row, or with OnLockTimeout=Refuse the lock, during the whole wait; nothing was done", 1),
            new(TooManyRequests, StatusCodes.Status429TooManyRequests, "a queue is full; nothing was done", 1),
            new(
                RateLimited, StatusCodes.Status429TooManyRequests,
                "more requests than a [limit](#limits) allows; nothing was done; Retry-After says when there is room again"),
            new(InternalError, StatusCodes.Status500InternalServerError, "an error in the service; report the trace id"),
            new(ReplicaLost, StatusCodes.Status502BadGateway, "the replica ended before it answered; a write may have been executed", 1),
            new(DatabaseUnavailable, StatusCodes.Status503ServiceUnavailable, "the database is unavailable; no request is applied in part", 2),
            new(TokensUnavailable, StatusCodes.Status503ServiceUnavailable, "the identity provider is unavailable and its keys are not known; nothing was done", 2),
            new(EventsUnavailable, StatusCodes.Status503ServiceUnavailable, "the data come from another database cluster and need `migrate`", 10),
            new(ReplicaUnavailable, StatusCodes.Status503ServiceUnavailable, "no replica is ready; nothing was sent, nothing was done", 1),
            new(ReplicaTimeout, StatusCodes.Status504GatewayTimeout, "the replica did not answer in time; a write may have been executed", 1),
        ];
        ByCode = All.ToFrozenDictionary(code => code.Code, StringComparer.Ordinal);
    }

    /// <summary>The codes, by status.</summary>
    public static IReadOnlyList<ProblemCode> All { get; }

    /// <summary>Returns the entry of a code.</summary>
    /// <exception cref="KeyNotFoundException">The code does not exist.</exception>
    public static ProblemCode Get(string code) => ByCode[code];
}
