using System.Globalization;
using PointSystem.Bench.Scenarios;

namespace PointSystem.Bench;

/// <summary>The command line of the bench. Null means: what the scenario thinks right.</summary>
internal sealed record BenchOptions
{
    public const int ReplicasDefault = 3;
    public const int PoolSizeDefault = 30;

    /// <summary>One of <see cref="ScenarioTable"/>, or <c>all</c>.</summary>
    public string Scenario { get; init; } = "";

    public bool Help { get; init; }

    /// <summary>How often each contender gets its turn, 1 … 100.</summary>
    public int? Rounds { get; init; }

    /// <summary>Measured seconds of each turn, above 0, at most 600.</summary>
    public double? Seconds { get; init; }

    /// <summary>Requests of each turn instead of a time, 1 … 100,000,000.</summary>
    public long? Requests { get; init; }

    /// <summary>Seconds of each contender's first warm-up, above 0, at most 600; later ones take a third. Below 1 nobody waits for the compiler either.</summary>
    public double? WarmUp { get; init; }

    /// <summary>Callers at a time, 1 … 2,000.</summary>
    public int? Callers { get; init; }

    /// <summary>API replicas, 1 … 16.</summary>
    public int Replicas { get; init; } = ReplicasDefault;

    /// <summary>Pooled database connections of each replica, 1 … 200.</summary>
    public int PoolSize { get; init; } = PoolSizeDefault;

    /// <summary>Their names; null for those of the scenario.</summary>
    public IReadOnlyList<string>? Contenders { get; init; }

    /// <summary>Through the gateway instead of straight to the replicas.</summary>
    public bool Gateway { get; init; }

    /// <summary>The gateway lets replicas take turns, instead of sending a member's requests to one of them.</summary>
    public bool NoAffinity { get; init; }

    /// <summary>Keep the OTLP exporter that the environment asks for.</summary>
    public bool Telemetry { get; init; }

    /// <summary>What takes long or much room too.</summary>
    public bool Full { get; init; }

    /// <summary>The servers' log on the error output.</summary>
    public bool Verbose { get; init; }

    /// <summary>Print the table as Markdown too.</summary>
    public bool Markdown { get; init; }

    /// <summary>Where results go; null for <c>bench/results</c> of the repository.</summary>
    public string? Output { get; init; }

    /// <summary>Where the servers' data lie meanwhile; deleted afterwards.</summary>
    public string? DataDirectory { get; init; }

    /// <exception cref="BenchException">An option is unknown, lacks its value or has a wrong one.</exception>
    public static BenchOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new BenchOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var (name, inline) = argument.StartsWith("--", StringComparison.Ordinal) && equals > 0
                ? (argument[..equals], argument[(equals + 1)..])
                : (argument, null);
            string Value() => inline ?? (++i < arguments.Count && !arguments[i].StartsWith("--", StringComparison.Ordinal)
                ? arguments[i]
                : throw new BenchException($"{name} needs a value: --help shows how."));
            options = options.With(name, Value);
        }

        return options.Help || options.Scenario.Length > 0
            ? options
            : throw new BenchException($"Name a scenario: {ScenarioTable.Names}. --help says more.");
    }

    private BenchOptions With(string name, Func<string> value) => name switch
    {
        "-h" or "-?" or "--help" => this with { Help = true },
        "--rounds" => this with { Rounds = (int)Whole(name, value(), 1, 100) },
        "--seconds" => this with { Seconds = ReadSeconds(name, value()) },
        "--warm-up" => this with { WarmUp = ReadSeconds(name, value()) },
        "--requests" => this with { Requests = Whole(name, value(), 1, 100_000_000) },
        "--callers" => this with { Callers = (int)Whole(name, value(), 1, 2_000) },
        "--replicas" => this with { Replicas = (int)Whole(name, value(), 1, 16) },
        "--pool" => this with { PoolSize = (int)Whole(name, value(), 1, 200) },
        "--contenders" => this with { Contenders = value().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) },
        "--gateway" => this with { Gateway = true },
        "--no-affinity" => this with { Gateway = true, NoAffinity = true },
        "--telemetry" => this with { Telemetry = true },
        "--full" => this with { Full = true },
        "--verbose" => this with { Verbose = true },
        "--markdown" => this with { Markdown = true },
        "--output" => this with { Output = value() },
        "--data" => this with { DataDirectory = value() },
        _ when name.StartsWith('-') => throw new BenchException($"Unknown option {name}: --help lists what there is."),
        _ when Scenario.Length > 0 => throw new BenchException($"One scenario at a time, or all: {Scenario} and {name} were given."),
        _ => this with { Scenario = name },
    };

    private static long Whole(string name, string text, long min, long max) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new BenchException($"{name} must be a whole number from {min} to {max}, not '{text}'.");

    private static double ReadSeconds(string name, string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 600
            ? number
            : throw new BenchException($"{name} must be a number above 0 and at most 600, not '{text}'.");
}
