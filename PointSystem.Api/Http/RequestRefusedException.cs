namespace PointSystem.Api.Http;

/// <summary>
/// The body cannot be read at all, so no field can be judged. <see cref="ApiExceptionHandler"/> turns it into its problem.
/// </summary>
internal sealed class RequestRefusedException(ProblemResult problem, Exception? inner = null) : Exception(problem.Value.Detail, inner)
{
    public ProblemResult Problem { get; } = problem;
}
