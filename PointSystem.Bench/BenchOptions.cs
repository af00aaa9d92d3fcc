using System.CommandLine;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Scenarios;
using PointSystem.Local;

namespace PointSystem.Bench;

/// <summary>The command line of the bench. Null means the scenario's default.</summary>
internal sealed record BenchOptions
{
    public const int ReplicasDefault = 3;
    public const int PoolSizeDefault = 30;

    /// <summary>One of <see cref="ScenarioTable.Commands"/>.</summary>
    public required string Scenario { get; init; }

    /// <summary>Number of turns of each contender, 1 … 100.</summary>
    public int? Rounds { get; init; }

    /// <summary>Measured seconds per turn, above 0, at most 600.</summary>
    public double? Seconds { get; init; }

    /// <summary>Requests per turn instead of a time, 1 … 100,000,000.</summary>
    public long? Requests { get; init; }

    /// <summary>Seconds of each contender's first warm-up, above 0, at most 600; later ones take a third. Below 1 the compiler is not awaited either.</summary>
    public double? WarmUp { get; init; }

    /// <summary>Number of concurrent callers, 1 … 2,000.</summary>
    public int? Callers { get; init; }

    /// <summary>API replicas, 1 … 16.</summary>
    public int Replicas { get; init; } = ReplicasDefault;

    /// <summary>Pooled database connections per replica, 1 … 200.</summary>
    public int PoolSize { get; init; } = PoolSizeDefault;

    /// <summary>Names of the contenders; null for those of the scenario.</summary>
    public IReadOnlyList<string>? Contenders { get; init; }

    /// <summary>Names of the loads that a scenario compares; null for all of them.</summary>
    public IReadOnlyList<string>? Loads { get; init; }

    /// <summary>Numbers of replicas that a scenario compares, each 1 … 16; null for those of the scenario.</summary>
    public IReadOnlyList<int>? Counts { get; init; }

    /// <summary>Connections per replica that a scenario compares, each 1 … 200; null for those of the scenario.</summary>
    public IReadOnlyList<int>? Pools { get; init; }

    /// <summary>Send requests directly to the replicas instead of through the gateway.</summary>
    public bool Straight { get; init; }

    /// <summary>The gateway lets replicas take turns, instead of sending a member's requests to one of them.</summary>
    public bool NoAffinity { get; init; }

    /// <summary>Which way requests go, for reports.</summary>
    public string Route =>
        Straight ? "straight to the replicas, callers spread evenly"
        : NoAffinity ? "through the gateway, replicas in turn"
        : "through the gateway, each member's to one replica";

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

    /// <returns>Null when only the help or the version was asked for; it has been written.</returns>
    /// <exception cref="LocalException">An option is unknown, lacks its value or has a wrong one.</exception>
    public static BenchOptions? Parse(IReadOnlyList<string> arguments, TextWriter output)
    {
        var rounds = CommandLines.Number("--rounds", 1, 100, "how often each contender gets its turn");
        var seconds = Time("--seconds", "measured seconds of each turn");
        var warmUp = Time("--warm-up", "seconds of each contender's first warm-up; later ones take a third");
        var requests = CommandLines.Number("--requests", 1, 100_000_000, "requests of each turn, instead of a time");
        var callers = CommandLines.Number("--callers", 1, 2_000, "callers at a time");
        var replicas = CommandLines.Number("--replicas", 1, 16, $"API replicas (default {ReplicasDefault})");
        var pool = CommandLines.Number("--pool", 1, 200, $"database connections of each replica (default {PoolSizeDefault})");
        var contenders = Text("--contenders", "A,B", $"of {string.Join(", ", Contender.All.Select(contender => contender.Name))}");
        var loads = Text("--loads", "A,B", "of hot, zipf, uniform, for a scenario that compares them");
        var counts = Numbers("--counts", 16, "numbers of API replicas, for a scenario that compares them");
        var pools = Numbers("--pools", 200, "database connections of each replica, for a scenario that compares them");
        var straight = Flag("--straight", "straight to the replicas instead of through the gateway");
        var noAffinity = Flag("--no-affinity", "through the gateway, with replicas taking turns instead of one replica per member");
        var telemetry = Flag("--telemetry", "export telemetry to OTEL_EXPORTER_OTLP_ENDPOINT meanwhile");
        var full = Flag("--full", "what takes long or much room too");
        var markdown = Flag("--markdown", "print the table as Markdown too");
        var results = Text("--output", "DIR", "where results go (default bench/results)");
        var data = Text("--data", "DIR", "where the servers' data lie meanwhile (default a temporary directory)");
        var verbose = Flag("--verbose", "the servers' log on the error output");

        var root = new RootCommand("Measures PointSystem against what anyone would pick instead. It starts and ends its own servers; see bench/README.md.");
        ScenarioTable.Commands.ForEach(root.Add);
        foreach (var option in (Option[])
            [rounds, seconds, warmUp, requests, callers, replicas, pool, contenders, loads, counts, pools, straight, noAffinity, telemetry, full, markdown, results, data, verbose])
        {
            option.Recursive = true;
            root.Add(option);
        }

        var parsed = root.Parse(arguments);
        return parsed.Answer(output) ? null : new BenchOptions
        {
            Scenario = parsed.CommandResult.Command.Name,
            Rounds = parsed.GetValue(rounds),
            Seconds = parsed.GetValue(seconds),
            WarmUp = parsed.GetValue(warmUp),
            Requests = parsed.GetValue(requests),
            Callers = parsed.GetValue(callers),
            Replicas = parsed.GetValue(replicas) ?? ReplicasDefault,
            PoolSize = parsed.GetValue(pool) ?? PoolSizeDefault,
            Contenders = Parts(parsed.GetValue(contenders)),
            Loads = Parts(parsed.GetValue(loads)),
            Counts = Given(parsed.GetValue(counts)),
            Pools = Given(parsed.GetValue(pools)),
            Straight = parsed.GetValue(straight),
            NoAffinity = parsed.GetValue(noAffinity),
            Telemetry = parsed.GetValue(telemetry),
            Full = parsed.GetValue(full),
            Markdown = parsed.GetValue(markdown),
            Output = parsed.GetValue(results),
            DataDirectory = parsed.GetValue(data),
            Verbose = parsed.GetValue(verbose),
        };
    }

    private static string[]? Parts(string? text) => text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // An array that was not given is read as an empty one, with which a scenario would compare nothing.
    private static int[]? Given(int[]? numbers) => numbers is { Length: > 0 } ? numbers : null;

    private static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<int[]?> Numbers(string name, int max, string description) => new(name)
    {
        Description = description,
        HelpName = "N,N",
        CustomParser = result =>
        {
            var numbers = Parts(result.Tokens.Single().Value)!
                .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)
                .ToArray();
            if (numbers.Length > 0 && numbers.All(number => number >= 1 && number <= max))
            {
                return numbers;
            }

            result.AddError($"{name} must be whole numbers from 1 to {max}, separated by commas.");
            return null;
        },
    };

    private static Option<double?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens.Single().Value;
            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 600)
            {
                return number;
            }

            result.AddError($"{name} must be a number above 0 and at most 600.");
            return null;
        },
    };
}
