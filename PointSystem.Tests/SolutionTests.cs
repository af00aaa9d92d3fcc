using PointSystem.Domain.Points;

namespace PointSystem.Tests;

/// <summary>Which project may reference which other.</summary>
public sealed class SolutionTests
{
    [Fact]
    public void Domain_References_OnlyTheRuntime() => Assert.All(
        typeof(PointKind).Assembly.GetReferencedAssemblies(),
        reference => Assert.StartsWith("System.", reference.Name, StringComparison.Ordinal));

    [Theory]
    [InlineData("PointSystem.Domain")]
    [InlineData("PointSystem.ServiceDefaults")]
    [InlineData("PointSystem.Locking")]
    [InlineData("PointSystem.Gateway", "PointSystem.Domain", "PointSystem.ServiceDefaults")]
    [InlineData("PointSystem.Api", "PointSystem.Domain", "PointSystem.Locking", "PointSystem.ServiceDefaults")]
    [InlineData("PointSystem.Local", "PointSystem.ServiceDefaults")]
    [InlineData("PointSystem.Notifications", "PointSystem.ServiceDefaults")]
    [InlineData("PointSystem.AppHost", "PointSystem.Api", "PointSystem.Gateway", "PointSystem.Local", "PointSystem.Notifications")]
    [InlineData("PointSystem.TestKit", "PointSystem.Api", "PointSystem.Gateway", "PointSystem.Local")]
    public void Project_References_AreTheAllowedOnes(string project, params string[] allowed)
    {
        var text = File.ReadAllText(Path.Combine(BuildOutputs.Repository, project, project + ".csproj"));

        var references = text.Split('"').Where(part => part.EndsWith(".csproj", StringComparison.Ordinal)).Select(path => path.Split('\\')[1]);

        Assert.Equal(allowed, references.Order());
    }
}
