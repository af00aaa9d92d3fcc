using PointSystem.Local.Runner;

namespace PointSystem.AppHost;

/// <summary>The cluster as plain processes, for machines without Aspire's packages.</summary>
internal static class Start
{
    public static Task<int> RunAsync(string[] args) => RunnerCommand.RunAsync(args);
}
