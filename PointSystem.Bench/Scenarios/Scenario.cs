using System.CommandLine;
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
    public const string MicroName = "micro";
    public const string ReportName = "report";

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
        new Departure(),
        new Cold(),
        new EventFeed(),
        new Reads(),
    ];

    // A profile slows down what it looks at, and the consumers are a proof: no part of "all".
    private static IReadOnlyList<Scenario> Named { get; } = [.. All, new Consumers(), new Profile()];

    /// <summary>What the command line offers: the scenarios, and what is no measurement of the service.</summary>
    public static List<Command> Commands =>
    [
        .. Named.Select(scenario => new Command(scenario.Name, scenario.Summary)),
        new(AllName, "every scenario, one after the other"),
        new(MicroName, "the parts without servers: draw order, queue, lock keys (BenchmarkDotNet)"),
        new(ReportName, "puts the latest results into docs/performance.md and draws the README's chart"),
    ];

    /// <summary>The scenarios behind one of <see cref="Commands"/>.</summary>
    public static IReadOnlyList<Scenario> Find(string name) => name == AllName ? All : [.. Named.Where(scenario => scenario.Name == name)];
}
