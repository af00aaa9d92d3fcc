using System.Globalization;
using System.Net;

namespace PointSystem.Local.Sidecar;

/// <summary>The sidecar's command line: daprd's flag names, so that a launcher can start either program.</summary>
internal sealed record SidecarFlags
{
    /// <summary>The Dapr app id; part of every lock key unless <c>keyPrefix</c> says otherwise.</summary>
    public required string AppId { get; init; }

    /// <summary>HTTP/1.1 port. Default 3500, as in daprd.</summary>
    public int HttpPort { get; init; } = 3500;

    /// <summary>gRPC (HTTP/2 without TLS) port. Default 50001, as in daprd.</summary>
    public int GrpcPort { get; init; } = 50001;

    /// <summary>Folders with YAML files, read in this order.</summary>
    public IReadOnlyList<string> ResourcesPaths { get; init; } = [];

    /// <summary>Addresses to listen on. Default: loopback.</summary>
    public IReadOnlyList<IPAddress> ListenAddresses { get; init; } = [IPAddress.Loopback];

    /// <summary>Minimum log level. Default: information.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Whether the process stops at the end of standard input, so that a parent that dies leaves no orphan behind.</summary>
    public bool ExitWithStdin { get; init; }

    /// <summary>Ignored flags of daprd, as they were written.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>Parses <c>--flag value</c>, <c>--flag=value</c> and the same with one dash.</summary>
    /// <exception cref="SidecarStartException">A flag has no value, or an invalid one.</exception>
    public static SidecarFlags Parse(IReadOnlyList<string> args)
    {
        var flags = new SidecarFlags { AppId = "" };
        var paths = new List<string>();
        var ignored = new List<string>();
        for (var i = 0; i < args.Count; i++)
        {
            var (name, inline) = Split(args[i]);
            if (name == "exit-with-stdin")
            {
                flags = flags with { ExitWithStdin = inline is null or "true" };
                continue;
            }
            var value = inline ?? (i + 1 < args.Count && !args[i + 1].StartsWith('-') ? args[++i] : null);
            switch (name)
            {
                case "app-id": flags = flags with { AppId = Required(name, value) }; break;
                case "dapr-http-port": flags = flags with { HttpPort = Port(name, value) }; break;
                case "dapr-grpc-port": flags = flags with { GrpcPort = Port(name, value) }; break;
                case "resources-path" or "components-path": paths.AddRange(List(name, value)); break;
                case "dapr-listen-addresses": flags = flags with { ListenAddresses = [.. List(name, value).Select(Address)] }; break;
                case "log-level": flags = flags with { LogLevel = Level(Required(name, value)) }; break;
                // A file with daprd's own settings (metrics, tracing): none of them is about locks. daprd refuses one that is not there.
                case "config": RequireFile(name, Required(name, value)); break;
                // daprd has many more flags (app port, placement, metrics ...); none of them is about locks.
                default: ignored.Add("--" + name); break;
            }
        }
        return flags.AppId.Length == 0
            ? throw new SidecarStartException("--app-id is missing: it is part of every lock key.")
            : flags with { ResourcesPaths = paths, Ignored = ignored };
    }

    private static (string Name, string? Value) Split(string arg)
    {
        if (!arg.StartsWith('-'))
        {
            throw new SidecarStartException($"'{arg}' is not a flag.");
        }
        var flag = arg.TrimStart('-');
        var equals = flag.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (flag, null) : (flag[..equals], flag[(equals + 1)..]);
    }

    private static string Required(string name, string? value) =>
        string.IsNullOrEmpty(value) ? throw new SidecarStartException($"--{name} needs a value.") : value;

    private static void RequireFile(string name, string path)
    {
        if (!File.Exists(path))
        {
            throw new SidecarStartException($"--{name}: the file '{path}' does not exist.");
        }
    }

    private static string[] List(string name, string? value) =>
        Required(name, value).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static int Port(string name, string? value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw new SidecarStartException($"--{name} needs a port from 1 to 65535, not '{value}'.");

    private static IPAddress Address(string text) =>
        text == "localhost" ? IPAddress.Loopback
        : IPAddress.TryParse(text.Trim('[', ']'), out var address) ? address
        : throw new SidecarStartException($"--dapr-listen-addresses: '{text}' is not an IP address.");

    private static LogLevel Level(string text) => text.ToUpperInvariant() switch
    {
        "DEBUG" => LogLevel.Debug,
        "INFO" => LogLevel.Information,
        "WARN" => LogLevel.Warning,
        "ERROR" => LogLevel.Error,
        "FATAL" => LogLevel.Critical,
        _ => throw new SidecarStartException($"--log-level must be debug, info, warn, error or fatal, not '{text}'."),
    };
}
