using PointSystem.Bench.Reports;

namespace PointSystem.Bench.Scenarios;

/// <summary>Something that can be measured by one command.</summary>
/// <param name="Name">As on the command line and in file names.</param>
/// <param name="Summary">One line for the help.</param>
internal abstract record Scenario(string Name, string Summary)
{
    /// <summary>Starts what it needs, measures, and ends what it started.</summary>
    public abstract Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken);
}

/// <summary>Every scenario by name.</summary>
internal static class ScenarioTable
{
    public const string AllName = "all";

    public static IReadOnlyList<Scenario> All { get; } =
    [
        ContenderRun.Seed,
        ContenderRun.Hot,
        ContenderRun.Uniform,
        ContenderRun.Zipf,
        new Neighbours(),
        new LotCounts(),
        new TableSizes(),
        new Database(),
        new LockCalls(),
        new Failover(),
        new ReplicaCounts(),
    ];

    public static string Names => string.Join(", ", All.Select(scenario => scenario.Name).Append(AllName).Append("micro").Append("report"));

    /// <exception cref="BenchException">There is none of that name.</exception>
    public static IReadOnlyList<Scenario> Find(string name) =>
        name == AllName ? All
        : All.FirstOrDefault(scenario => scenario.Name == name) is { } found ? [found]
        : throw new BenchException($"There is no scenario '{name}': {Names}.");
}
