using PointSystem.Bench.Reports;

namespace PointSystem.Bench.Scenarios;

/// <summary>A scenario that one command measures.</summary>
/// <param name="Name">The name on the command line and in file names.</param>
/// <param name="Summary">One line of help.</param>
internal abstract record Scenario(string Name, string Summary)
{
    /// <summary>Starts the servers it needs, measures, and stops them.</summary>
    public abstract Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken);
}

/// <summary>All scenarios by name.</summary>
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

    /// <exception cref="BenchException">There is no scenario of that name.</exception>
    public static IReadOnlyList<Scenario> Find(string name) =>
        name == AllName ? All
        : All.FirstOrDefault(scenario => scenario.Name == name) is { } found ? [found]
        : throw new BenchException($"There is no scenario '{name}': {Names}.");
}
