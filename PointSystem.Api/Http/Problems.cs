using PointSystem.Domain.Results;

namespace PointSystem.Api.Http;

/// <summary>Every refusal that does not come from the points rules, in one place.</summary>
internal static class Problems
{
    /// <summary>400 that names the fields at fault.</summary>
    public static ProblemResult Invalid(string code, IReadOnlyDictionary<string, string[]> errors) =>
        new(Problem.Of(StatusCodes.Status400BadRequest, code, string.Join(" ", errors.Values.SelectMany(sentences => sentences))) with { Errors = errors });

    /// <summary>400 for one field, parameter or header.</summary>
    public static ProblemResult Invalid(string field, string sentence, string code = PointErrorCodes.InvalidRequest) =>
        Invalid(code, new Dictionary<string, string[]> { [field] = [sentence] });

    /// <summary>400 for a body that could not be read at all.</summary>
    public static ProblemResult InvalidBody(string sentence) => Invalid("body", sentence);

    public static ProblemResult Unauthorized(string? sentence = null) => Of(
        StatusCodes.Status401Unauthorized,
        HttpErrorCodes.Unauthorized,
        sentence ?? "This needs a valid bearer token: send the header 'Authorization: Bearer <token>'.");

    public static ProblemResult Forbidden(string? sentence = null) =>
        Of(StatusCodes.Status403Forbidden, HttpErrorCodes.Forbidden, sentence ?? "The token's role does not allow this; it needs the role 'admin'.");

    public static ProblemResult NotFound(string? sentence = null) =>
        Of(StatusCodes.Status404NotFound, HttpErrorCodes.NotFound, sentence ?? "There is nothing at this address; /scalar lists what there is.");

    public static ProblemResult MethodNotAllowed() => Of(
        StatusCodes.Status405MethodNotAllowed, HttpErrorCodes.MethodNotAllowed, "This address does not take that method; the Allow header names those it takes.");

    public static ProblemResult UnsupportedMediaType() => Of(
        StatusCodes.Status415UnsupportedMediaType,
        HttpErrorCodes.UnsupportedMediaType,
        "The body must be JSON in UTF-8: send the header 'Content-Type: application/json'.");

    public static ProblemResult RequestTooLarge() => Of(
        StatusCodes.Status413PayloadTooLarge, HttpErrorCodes.RequestTooLarge, $"The body must have at most {RequestBody.BytesMax} bytes.");

    /// <summary>423: others held the lock for the whole wait. Nothing was done.</summary>
    public static ProblemResult LockNotAcquired(string? sentence = null) => new(Problem.Of(
        StatusCodes.Status423Locked,
        HttpErrorCodes.LockNotAcquired,
        sentence ?? "Other requests for the same points were under way for too long; nothing was done. Try again."))
    {
        RetryAfterSeconds = 1,
    };

    /// <summary>429: too many requests wait already. Nothing was done.</summary>
    public static ProblemResult TooManyRequests(string? sentence = null) => new(Problem.Of(
        StatusCodes.Status429TooManyRequests,
        HttpErrorCodes.TooManyRequests,
        sentence ?? "Too many requests wait already, for the same points or altogether; nothing was done. Try again later."))
    {
        RetryAfterSeconds = 1,
    };

    /// <summary>503: the database is away. Nothing was half done.</summary>
    public static ProblemResult DatabaseUnavailable() => new(Problem.Of(
        StatusCodes.Status503ServiceUnavailable,
        HttpErrorCodes.DatabaseUnavailable,
        "The database cannot be reached at the moment; nothing was half done. Try again, with the same Idempotency-Key if there was one."))
    {
        RetryAfterSeconds = 2,
    };

    /// <summary>500 without a word about the inside; the log has the rest under the trace id.</summary>
    public static ProblemResult InternalError() => Of(
        StatusCodes.Status500InternalServerError, HttpErrorCodes.InternalError, "Something went wrong on our side. Quote the trace id when you report it.");

    /// <summary>The problem for a status that was set without a body: routing's own 404, 405 and 415, authorization's 401 and 403, and the like.</summary>
    public static ProblemResult ForStatus(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Of(status, PointErrorCodes.InvalidRequest, "The request could not be read."),
        StatusCodes.Status401Unauthorized => Unauthorized(),
        StatusCodes.Status403Forbidden => Forbidden(),
        StatusCodes.Status404NotFound => NotFound(),
        StatusCodes.Status405MethodNotAllowed => MethodNotAllowed(),
        StatusCodes.Status408RequestTimeout => Of(status, HttpErrorCodes.RequestTimeout, "The body arrived too slowly."),
        StatusCodes.Status413PayloadTooLarge => RequestTooLarge(),
        StatusCodes.Status415UnsupportedMediaType => UnsupportedMediaType(),
        >= 500 => new(InternalError().Value with { Status = status }),
        _ => Of(status, PointErrorCodes.InvalidRequest, "The request was refused."),
    };

    private static ProblemResult Of(int status, string code, string detail) => new(Problem.Of(status, code, detail));
}
