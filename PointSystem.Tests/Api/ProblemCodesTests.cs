using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Tests.Api;

/// <summary>The table of problem codes, the domain's error codes and docs/api.md agree.</summary>
public sealed class ProblemCodesTests
{
    [Fact]
    public void Document_TableOfCodes_EqualsTheTableInCode()
    {
        var document = File.ReadAllLines(Path.Combine(BuildOutputs.Repository, "docs", "api.md"));

        var listed = document.SkipWhile(line => line != "| status | code | when |").Skip(2).TakeWhile(line => line.StartsWith('|'));

        Assert.Equal(ProblemCodes.All.Select(Row), listed);
    }

    [Fact]
    public void Table_DomainErrorCodes_AreAllListed()
    {
        var codes = typeof(PointErrorCodes).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!).ToList();

        Assert.NotEmpty(codes);
        Assert.Empty(codes.Except(ProblemCodes.All.Select(code => code.Code)));
    }

    private static string Row(ProblemCode code) =>
        $"| {code.Status} | `{code.Code}` | {code.When}{(code.RetryAfterSeconds is { } seconds ? $"; Retry-After: {seconds}" : "")} |";
}
