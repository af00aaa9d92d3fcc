using PointSystem.Domain.Results;

namespace PointSystem.Api.Http;

internal static class PointErrorExtensions
{
    /// <summary>The HTTP answer for an error of the domain.</summary>
    public static IResult ToProblem(this PointError error)
    {
        var problem = Problem.Of(error.Code, error.Message);
        if (error.Kind == PointErrorKind.Invalid)
        {
            problem = problem with { Errors = new Dictionary<string, string[]> { [error.Field ?? "body"] = [error.Message] } };
        }

        return new ProblemResult(error is InsufficientPointError { } insufficient
            ? problem with { Available = insufficient.Available, Requested = insufficient.Requested }
            : problem);
    }
}
