using System.Net;

namespace PointSystem.Tests.Api;

internal static class ProblemAssert
{
    /// <summary>Asserts that the answer is a complete problem with that status and code.</summary>
    public static Answer IsProblem(this Answer answer, HttpStatusCode status, string code)
    {
        answer.Expect(status);
        Assert.Equal(code, answer.Code);
        Assert.StartsWith("application/problem+json", answer.ContentType, StringComparison.Ordinal);
        Assert.Equal((long)status, answer.NumberOf("status"));
        Assert.Equal($"urn:pointsystem:problem:{code.ToLowerInvariant().Replace('_', '-')}", answer.TextOf("type"));
        Assert.NotEmpty(answer.TextOf("title"));
        Assert.EndsWith(".", answer.TextOf("detail"), StringComparison.Ordinal);
        Assert.Matches("^[0-9a-f]{32}$", answer.TextOf("traceId"));
        Assert.Equal(status == HttpStatusCode.BadRequest, answer.Json["errors"] is not null);
        return answer;
    }

    /// <summary>The first sentence about a field.</summary>
    public static string Sentence(this Answer answer, string field) =>
        answer.Json["errors"]?[field]?[0]?.GetValue<string>() ?? $"(nothing about {field} in {answer.Text})";
}
