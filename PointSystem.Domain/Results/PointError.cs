namespace PointSystem.Domain.Results;

/// <summary>The kind of refusal; decides the HTTP status (docs/api.md).</summary>
public enum PointErrorKind
{
    /// <summary>Malformed or impossible in itself, whatever the state (400).</summary>
    Invalid,

    /// <summary>The named resource does not exist (404).</summary>
    NotFound,

    /// <summary>The current state forbids it (409).</summary>
    Conflict,

    /// <summary>A rule of points refuses it (422).</summary>
    Refused,
}

/// <summary>An expected refusal: a value, never an exception. A refused command changes nothing.</summary>
/// <param name="Code">Stable machine-readable code, e.g. <c>INSUFFICIENT_POINT</c>.</param>
/// <param name="Kind">The kind of refusal.</param>
/// <param name="Message">One readable sentence with the values involved.</param>
public record PointError(string Code, PointErrorKind Kind, string Message)
{
    /// <summary>The request field at fault, in wire spelling, for errors of kind <see cref="PointErrorKind.Invalid"/>.</summary>
    public string? Field { get; init; }
}

/// <summary>Too few live points for a use or a transfer.</summary>
/// <param name="Available">Live points of the member, in points.</param>
/// <param name="Requested">Requested points.</param>
public sealed record InsufficientPointError(long Available, long Requested)
    : PointError(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, $"The member has {Available} usable points; {Requested} were requested.");
