using System.CommandLine;
using System.Globalization;
using PointSystem.Local;

namespace PointSystem.AppHost;

/// <summary>The command line: values of <see cref="Settings"/>, and Aspire's own arguments.</summary>
internal sealed class Arguments
{
    private static readonly Option<int?> Replicas = CommandLines.Number(
        "--replicas", 1, Settings.ReplicasMax, "API replicas (default 3)");

    private static readonly Option<int?> Port = CommandLines.Number(
        "--port", 0, 65535, $"the gateway's port, 0 = any free one (default {Settings.PortDefault})");

    private static readonly Option<int?> IdentityProvider = CommandLines.Number(
        "--identity-provider", 0, 65535, "also start a local OpenID provider on this port, 0 = any free one, and accept only its tokens (docs/access.md)");

    private static readonly Option<string?> Data = new("--data")
    {
        Recursive = true,
        Description = "directory of the database, logs and secrets (default: a per-user directory for this clone)",
        HelpName = "DIR",
    };

    private static readonly Option<bool> Fresh = new("--fresh") { Description = "delete everything in the data directory first" };
    private static readonly Option<bool> RabbitMq = new("--rabbitmq")
    {
        Description = "also start RabbitMQ (container, or the installed rabbitmq-server) and publish every event to it (docs/events.md)",
    };

    private static readonly Option<bool> ReadReplica = new("--read-replica")
    {
        Description = "also start a standby of the local PostgreSQL, from which reads of members are answered (docs/architecture.md)",
    };

    private static readonly Option<string?> ConnectionString = new("--connection-string")
    {
        Description = "use this PostgreSQL database instead of starting one; with a password, rather set ConnectionStrings__points: "
            + "every user of the machine sees command lines",
        HelpName = "TEXT",
    };

    private static readonly Command Token = new("token", "write a new token of the local administrator, valid for a day, and print it");

    // Aspire's own options, as its tools pass them. `--Section:Key=value` sets any configuration value.
    private static readonly string[] OfAspire =
        ["--operation", "--step", "--publisher", "--output-path", "--log-level", "--environment", "--include-exception-details"];

    private Arguments(bool hasPrintedHelp, bool isForToken, IReadOnlyDictionary<string, string?> values, string[] forAspire)
    {
        HasPrintedHelp = hasPrintedHelp;
        IsForToken = isForToken;
        Values = values;
        ForAspire = forAspire;
    }

    /// <summary>Only the help or the version was requested; it has been printed.</summary>
    public bool HasPrintedHelp { get; }

    /// <summary>Nothing is to be started: a new admin token is wanted for what was.</summary>
    public bool IsForToken { get; }

    /// <summary>Keys and values of the configuration section <see cref="Settings.SectionName"/>.</summary>
    public IReadOnlyDictionary<string, string?> Values { get; }

    /// <summary>The arguments to pass on to Aspire.</summary>
    public string[] ForAspire { get; }

    /// <exception cref="LocalException">An option is unknown, or its value is missing or invalid.</exception>
    public static Arguments Parse(IReadOnlyList<string> arguments)
    {
        var forAspire = arguments
            .Where(argument => argument.StartsWith("--", StringComparison.Ordinal) && argument.Contains(':', StringComparison.Ordinal))
            .ToList();
        var root = new RootCommand(
            """
            PointSystem: Postgres, Redis, API replicas with their sidecars, and one gateway in front, as an Aspire app.

            The same settings can be given by environment variables (PointSystem__Replicas=5) or in appsettings.json next to the app host.
            Environment: PGBIN = directory of PostgreSQL's programs; DAPRD_PATH = daprd; POINTSYSTEM_CACHE = directory for npm downloads;
            POINTSYSTEM_POSTGRES=npm, POINTSYSTEM_REDIS=garnet, POINTSYSTEM_SIDECAR=stand-in, POINTSYSTEM_CONTAINERS=false
            = use these even if others are found.
            """)
        {
            Replicas,
            Port,
            Data,
            Fresh,
            ConnectionString,
            IdentityProvider,
            RabbitMq,
            ReadReplica,
            Token,
        };
        // Without an action of its own, the root would require a command.
        root.SetAction(static _ => { });
        Token.SetAction(static _ => { });
        var aspire = OfAspire.Select(name => new Option<string?>(name) { Hidden = true, Arity = ArgumentArity.ZeroOrOne }).ToList();
        aspire.ForEach(root.Add);
        var parsed = root.Parse([.. arguments.Where(argument => !forAspire.Contains(argument))]);
        if (parsed.Answer(Console.Out))
        {
            return new Arguments(hasPrintedHelp: true, isForToken: false, new Dictionary<string, string?>(), []);
        }
        forAspire.AddRange(aspire
            .Where(option => parsed.GetResult(option) is { Implicit: false })
            .SelectMany(option => parsed.GetValue(option) is { } value ? new[] { option.Name, value } : [option.Name]));
        var values = new Dictionary<string, string?>();
        Add(nameof(Settings.Replicas), parsed.GetValue(Replicas)?.ToString(CultureInfo.InvariantCulture));
        Add(nameof(Settings.Port), parsed.GetValue(Port)?.ToString(CultureInfo.InvariantCulture));
        Add(nameof(Settings.IdentityProvider), parsed.GetValue(IdentityProvider)?.ToString(CultureInfo.InvariantCulture));
        Add(nameof(Settings.Data), parsed.GetValue(Data));
        Add(nameof(Settings.Fresh), parsed.GetValue(Fresh) ? "true" : null);
        Add(nameof(Settings.RabbitMq), parsed.GetValue(RabbitMq) ? "true" : null);
        Add(nameof(Settings.ReadReplica), parsed.GetValue(ReadReplica) ? "true" : null);
        Add(nameof(Settings.ConnectionString), parsed.GetValue(ConnectionString));
        return new Arguments(hasPrintedHelp: false, parsed.CommandResult.Command == Token, values, [.. forAspire]);

        void Add(string key, string? value)
        {
            if (value is not null)
            {
                values.Add($"{Settings.SectionName}:{key}", value);
            }
        }
    }
}
