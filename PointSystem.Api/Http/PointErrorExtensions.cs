using PointSystem.Domain.Results;

namespace PointSystem.Api.Http;

internal static class PointErrorExtensions
{
    /// <summary>The HTTP answer for a refusal of the domain: the status follows from its kind.</summary>
    public static IResult ToProblem(this PointError error)
    {
        var problem = Problem.Of(StatusOf(error.Kind), error.Code, error.Message);
        if (error.Kind == PointErrorKind.Invalid)
        {
            problem = problem with { Errors = new Dictionary<string, string[]> { [error.Field ?? "body"] = [error.Message] } };
        }

        return new ProblemResult(error is InsufficientPointError { } insufficient
            ? problem with { Available = insufficient.Available, Requested = insufficient.Requested }
            : problem);
    }

    private static int StatusOf(PointErrorKind kind) => kind switch
    {
        PointErrorKind.Invalid => StatusCodes.Status400BadRequest,
        PointErrorKind.NotFound => StatusCodes.Status404NotFound,
        PointErrorKind.Conflict => StatusCodes.Status409Conflict,
        PointErrorKind.Refused => StatusCodes.Status422UnprocessableEntity,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A new kind of refusal needs its status."),
    };
}
