using System.Globalization;
using PointSystem.Bench.Scenarios;

namespace PointSystem.Bench;

/// <summary>The command line of the bench. Null means the scenario's default.</summary>
internal sealed record BenchOptions
{
    public const int ReplicasDefault = 3;
    public const int PoolSizeDefault = 30;

    /// <summary>One of <see cref="ScenarioTable"/>, or <c>all</c>.</summary>
    public string Scenario { get; init; } = "";

    public bool Help { get; init; }

    /// <summary>Number of turns of each contender, 1 … 100.</summary>
    public int? Rounds { get; init; }

    /// <summary>Measured seconds per turn, above 0, at most 600.</summary>
    public double? Seconds { get; init; }

    /// <summary>Requests per turn instead of a time, 1 … 100,000,000.</summary>
    public long? Requests { get; init; }

    /// <summary>
    /// Seconds of each contender's first warm-up, above 0, at most 600; later warm-ups take a third. Below 1, the run does not wait for
    /// the JIT compiler either.
    /// </summary>
    public double? WarmUp { get; init; }

    /// <summary>Number of concurrent callers, 1 … 2,000.</summary>
    public int? Callers { get; init; }

    /// <summary>API replicas, 1 … 16.</summary>
    public int Replicas { get; init; } = ReplicasDefault;

    /// <summary>Pooled database connections per replica, 1 … 200.</summary>
    public int PoolSize { get; init; } = PoolSizeDefault;

    /// <summary>Names of the contenders; null for those of the scenario.</summary>
    public IReadOnlyList<string>? Contenders { get; init; }

    /// <summary>Send requests through the gateway instead of directly to the replicas.</summary>
    public bool Gateway { get; init; }

    /// <summary>Keep the OTLP exporter that the environment configures.</summary>
    public bool Telemetry { get; init; }

    /// <summary>Also measure what takes much time or disk space.</summary>
    public bool Full { get; init; }

    /// <summary>Print the servers' log to standard error.</summary>
    public bool Verbose { get; init; }

    /// <summary>Also print the table as Markdown.</summary>
    public bool Markdown { get; init; }

    /// <summary>Directory of the results; null for <c>bench/results</c> of the repository.</summary>
    public string? Output { get; init; }

    /// <summary>Directory of the servers' data during the run; deleted afterwards.</summary>
    public string? DataDirectory { get; init; }

    /// <exception cref="BenchException">An option is unknown, or its value is missing or invalid.</exception>
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
                : throw new BenchException($"{name} needs a value: see --help."));
            options = options.With(name, Value);
        }

        return options.Help || options.Scenario.Length > 0
            ? options
            : throw new BenchException($"Name a scenario: {ScenarioTable.Names}. See --help.");
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
        "--telemetry" => this with { Telemetry = true },
        "--full" => this with { Full = true },
        "--verbose" => this with { Verbose = true },
        "--markdown" => this with { Markdown = true },
        "--output" => this with { Output = value() },
        "--data" => this with { DataDirectory = value() },
        _ when name.StartsWith('-') => throw new BenchException($"Unknown option {name}: --help lists the options."),
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
