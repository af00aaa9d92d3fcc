namespace PointSystem.Api.Http;

/// <summary>
/// The body cannot be read, so its fields cannot be checked. <see cref="ApiExceptionHandler"/> returns its problem.
/// </summary>
internal sealed class RequestRefusedException(ProblemResult problem, Exception? inner = null) : Exception(problem.Value.Detail, inner)
{
    public ProblemResult Problem { get; } = problem;
}
