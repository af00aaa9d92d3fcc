using System.Diagnostics;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.TestKit;

namespace PointSystem.Bench.Scenarios;

/// <summary>One run of the bench: its options, its progress output, and the common parts of its reports.</summary>
internal sealed class BenchRun(BenchOptions options, TextWriter progress, string? repository, TimeProvider clock)
{
    private readonly TextWriter _progress = progress;
    private readonly string? _repository = repository;
    private readonly TimeProvider _clock = clock;
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>Creates a part of another run, with its own options.</summary>
    public BenchRun(BenchOptions options, BenchRun whole)
        : this(options, whole._progress, whole._repository, whole._clock) => _watch = whole._watch;

    public BenchOptions Options { get; } = options;

    /// <summary>Prints one line with the time since the start.</summary>
    public void Say(string line)
    {
        _progress.WriteLine($"{_watch.Elapsed:mm\\:ss}  {line}");
        _progress.Flush();
    }

    /// <summary>Starts the servers on an empty database.</summary>
    public async Task<BenchCluster> StartClusterAsync(Action<LocalClusterOptions>? more, CancellationToken cancellationToken)
    {
        Say($"Starting Postgres, Redis, {Options.Replicas} replicas with sidecars ...");
        var cluster = await BenchCluster.StartAsync(Options, more, cancellationToken);
        Say(cluster.Local.Description);
        return cluster;
    }

    /// <summary>Creates a report with everything but its results.</summary>
    public async Task<Report> DescribeAsync(
        Scenario scenario, BenchCluster? cluster, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken) => new()
    {
        Scenario = scenario.Name,
        Title = $"{scenario.Name}: {scenario.Summary}",
        Command = CommandLine(scenario.Name),
        Commit = Machine.Commit(_repository),
        Date = _clock.GetUtcNow(),
        Machine = await Machine.ReadAsync(cluster, cancellationToken),
        Settings = settings,
        Columns = [],
        Rows = [],
        Charted = "",
    };

    private static string? Joined<T>(IEnumerable<T>? values) => values is null ? null : string.Join(',', values);

    private string CommandLine(string scenario)
    {
        var text = $"dotnet run -c Release --project PointSystem.Bench -- {scenario}";
        void Add(string name, object? value) => text += value is null ? "" : FormattableString.Invariant($" {name} {value}");
        Add("--rounds", Options.Rounds);
        Add("--seconds", Options.Seconds);
        Add("--warm-up", Options.WarmUp);
        Add("--requests", Options.Requests);
        Add("--callers", Options.Callers);
        Add("--replicas", Options.Replicas == BenchOptions.ReplicasDefault ? null : Options.Replicas);
        Add("--pool", Options.PoolSize == BenchOptions.PoolSizeDefault ? null : Options.PoolSize);
        Add("--contenders", Joined(Options.Contenders));
        Add("--loads", Joined(Options.Loads));
        Add("--counts", Joined(Options.Counts));
        Add("--pools", Joined(Options.Pools));
        return text + (Options.NoAffinity ? " --no-affinity" : "") + (Options.Straight ? " --straight" : "") + (Options.Full ? " --full" : "");
    }
}
