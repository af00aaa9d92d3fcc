using System.Globalization;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Garnet;

/// <summary>The lock store: <c>redis-server</c> where it is installed, otherwise Garnet in a process of our own.</summary>
internal sealed class RedisServer
{
    public const string ChoiceGarnet = "garnet";
    private readonly string? _installed;
    private readonly string _directory;

    public RedisServer(string? choice, string directory)
    {
        _installed = choice == ChoiceGarnet ? null : Executables.OnPath("redis-server") is { } found && Executables.Runs(found, "--version") ? found : null;
        _directory = directory;
        Directory.CreateDirectory(directory);
    }

    /// <summary>Whether it is redis-server rather than Garnet.</summary>
    public bool IsInstalled => _installed is not null;

    public int Port { get; } = Ports.Next();

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    public string Description => _installed is null ? "Garnet, instead of Redis" : $"Redis ({_installed})";

    public ProcessSpec Spec()
    {
        var port = Port.ToString(CultureInfo.InvariantCulture);
        return _installed is null
            ? new ProcessSpec
            {
                Name = "redis",
                FileName = DotnetHost.Path,
                Arguments = DotnetHost.Verb(GarnetCommand.Name, "--port", port, StdinGuard.Flag),
                WorkingDirectory = _directory,
                EndsWithInput = true,
            }
            : new ProcessSpec
            {
                Name = "redis",
                FileName = _installed,
                // Leases need no disk. noeviction, because a lease evicted for lack of memory could be held twice.
                Arguments =
                [
                    "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                    "--maxmemory", "64mb", "--maxmemory-policy", "noeviction", "--daemonize", "no", "--dir", _directory,
                ],
                WorkingDirectory = _directory,
            };
    }

    public Task<bool> ProbeAsync(CancellationToken cancellationToken) =>
        Probes.AnswersAsync(Port, "*1\r\n$4\r\nPING\r\n"u8.ToArray(), "+PONG"u8.ToArray(), cancellationToken);
}
