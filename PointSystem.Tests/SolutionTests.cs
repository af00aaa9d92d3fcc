using PointSystem.Domain.Points;

namespace PointSystem.Tests;

public sealed class SolutionTests
{
    [Fact]
    public void Domain_References_NothingButTheRuntime() =>
        Assert.All(
            typeof(PointKind).Assembly.GetReferencedAssemblies(),
            reference => Assert.StartsWith("System.", reference.Name, StringComparison.Ordinal));
}
