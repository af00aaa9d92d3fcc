using System.Globalization;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Http;

/// <summary>All problems that do not come from the rules of points.</summary>
internal static class Problems
{
    /// <summary>400 with a sentence for each invalid field.</summary>
    public static ProblemResult Invalid(string code, IReadOnlyDictionary<string, string[]> errors) =>
        new(Problem.Of(code, string.Join(" ", errors.Values.SelectMany(sentences => sentences))) with { Errors = errors });

    /// <summary>400 for one field, parameter or header.</summary>
    public static ProblemResult Invalid(string field, string sentence, string code = PointErrorCodes.InvalidRequest) =>
        Invalid(code, new Dictionary<string, string[]> { [field] = [sentence] });

    /// <summary>400 for a body that cannot be read.</summary>
    public static ProblemResult InvalidBody(string sentence) => Invalid("body", sentence);

    public static ProblemResult Unauthorized(string? sentence = null) => Of(
        ProblemCodes.Unauthorized, sentence ?? "This needs a valid bearer token: send the header 'Authorization: Bearer <token>'.");

    /// <param name="right">The right that the token lacks.</param>
    public static ProblemResult Forbidden(string? right = null) =>
        Of(ProblemCodes.Forbidden, right is null ? "The token does not allow this." : $"The token does not allow this; it needs the right '{right}'.");

    public static ProblemResult ForbiddenMember() => Of(ProblemCodes.Forbidden, "The token belongs to a member, and allows nothing but what is allowed with that member's own points.");

    public static ProblemResult TokensUnavailable() => Of(
        ProblemCodes.TokensUnavailable, "The identity provider cannot be reached, so the token cannot be checked; nothing was done.");

    public static ProblemResult NotFound(string? sentence = null) =>
        Of(ProblemCodes.NotFound, sentence ?? "There is no endpoint at this address; /scalar lists all endpoints.");

    public static ProblemResult MethodNotAllowed() =>
        Of(ProblemCodes.MethodNotAllowed, "This endpoint does not support the method; the Allow header lists the supported ones.");

    public static ProblemResult UnsupportedMediaType() =>
        Of(ProblemCodes.UnsupportedMediaType, "The body must be JSON in UTF-8: send the header 'Content-Type: application/json'.");

    public static ProblemResult RequestTimeout() => Of(ProblemCodes.RequestTimeout, "The body arrived too slowly; nothing was done.");

    /// <summary>412: the member is not at the version that the request demands, and has not reached it during the wait.</summary>
    public static ProblemResult VersionNotReached(long memberId, long version, long demanded) => Of(
        ProblemCodes.VersionNotReached,
        string.Create(CultureInfo.InvariantCulture, $"Member {memberId} is at version {version}, and {MemberTags.MinVersionHeader} demands {demanded}."));

    public static ProblemResult RequestTooLarge() => Of(ProblemCodes.RequestTooLarge, $"The body must have at most {RequestBody.BytesMax} bytes.");

    /// <summary>423: other requests held the lock for the whole wait. Nothing was done.</summary>
    public static ProblemResult LockNotAcquired(string? sentence = null) => Of(
        ProblemCodes.LockNotAcquired,
        sentence ?? "Other requests for the same points took too long; nothing was done. Try again.");

    /// <summary>429: too many requests are waiting. Nothing was done.</summary>
    public static ProblemResult TooManyRequests(string? sentence = null) => Of(
        ProblemCodes.TooManyRequests,
        sentence ?? "Too many requests are already waiting, for the same points or in total; nothing was done. Try again later.");

    /// <summary>429: more requests than a limit allows. Nothing was done.</summary>
    public static ProblemResult RateLimited(string sentence) => Of(ProblemCodes.RateLimited, sentence);

    /// <summary>503: the database is unavailable. The request was applied in full or not at all.</summary>
    public static ProblemResult DatabaseUnavailable() => Of(
        ProblemCodes.DatabaseUnavailable,
        "The database is unavailable; no request is applied in part. Try again, with the same Idempotency-Key if there was one.");

    /// <summary>503: the order of events is not certain until the migrations have run.</summary>
    public static ProblemResult EventsUnavailable() => Of(
        ProblemCodes.EventsUnavailable,
        "The ledger comes from a database cluster with higher transaction ids: events can be read after the migrations have been run.");

    /// <summary>500 without internal details; the log has them under the trace id.</summary>
    public static ProblemResult InternalError() =>
        Of(ProblemCodes.InternalError, "Something went wrong on our side. Quote the trace id when you report it.");

    /// <summary>
    /// The problem for a status without a body: 404, 405 and 415 of routing, 401 and 403 of authorization, and others.
    /// </summary>
    public static ProblemResult ForStatus(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Invalid("request", "The request could not be read."),
        StatusCodes.Status401Unauthorized => Unauthorized(),
        StatusCodes.Status403Forbidden => Forbidden(),
        StatusCodes.Status404NotFound => NotFound(),
        StatusCodes.Status405MethodNotAllowed => MethodNotAllowed(),
        StatusCodes.Status408RequestTimeout => RequestTimeout(),
        StatusCodes.Status413PayloadTooLarge => RequestTooLarge(),
        StatusCodes.Status415UnsupportedMediaType => UnsupportedMediaType(),
        >= 500 => new(InternalError().Value with { Status = status }),
        _ => new(Of(ProblemCodes.InvalidRequest, "The request was refused.").Value with { Status = status }),
    };

    private static ProblemResult Of(string code, string detail) => new(Problem.Of(code, detail));
}
