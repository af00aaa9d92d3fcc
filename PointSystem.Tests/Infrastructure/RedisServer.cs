using System.Globalization;
using StackExchange.Redis;
using ProductRedis = PointSystem.Local.Garnet.RedisServer;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// A Redis of the test's own, empty, on a free port of loopback: <c>redis-server</c> where installed, else Microsoft Garnet, in a process
/// of its own either way, so that it can be frozen and killed.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private ChildProcess? _process;

    // What the product would take: installed, or Garnet.
    private readonly ProductRedis _server = new(Environment.GetEnvironmentVariable("POINTSYSTEM_REDIS"), Path.GetTempPath());

    private RedisServer()
    {
    }

    public int Port => _server.Port;

    /// <summary><c>host:port</c>, as a Dapr component and StackExchange.Redis both take it.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>For StackExchange.Redis: connects later too if the server is away.</summary>
    public string ConnectionString => Address + ",abortConnect=false,connectTimeout=2000";

    /// <summary>Whether it is redis-server, and not Garnet in its place.</summary>
    public bool IsRedis => _server.IsInstalled;

    /// <summary>Whether <see cref="PauseAsync"/> works here.</summary>
    public static bool CanPause => !OperatingSystem.IsWindows();

    /// <summary>Starts a server and waits until it answers.</summary>
    public static async Task<RedisServer> StartAsync(CancellationToken cancellationToken)
    {
        var server = NotStarted();
        await server.RestartAsync(cancellationToken);
        return server;
    }

    /// <summary>A server that is away until <see cref="RestartAsync"/>; its port is chosen.</summary>
    public static RedisServer NotStarted() => new();

    /// <summary>Starts the server (again) on the same port, empty, and waits until it answers.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await KillAsync();
        var spec = _server.Spec();
        _process = ChildProcess.Start(spec.FileName, spec.Arguments);
        await Eventually.TrueAsync(() => AnswersAsync(cancellationToken), () => $"Redis does not answer: {_process.Output}", cancellationToken);
    }

    /// <summary>Freezes the server: connections stay, nothing is answered.</summary>
    public Task PauseAsync() => Process.SignalAsync("STOP");

    /// <summary>Lets a frozen server go on.</summary>
    public Task ResumeAsync() => Process.SignalAsync("CONT");

    /// <summary>Ends the server at once, as <c>kill -9</c> does; what it held is lost.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.DisposeAsync();
        }
    }

    /// <summary>A connection to look into the server with.</summary>
    public async Task<ConnectionMultiplexer> ConnectAsync() => await ConnectionMultiplexer.ConnectAsync(ConnectionString);

    public async ValueTask DisposeAsync() => await KillAsync();

    private ChildProcess Process => _process ?? throw new InvalidOperationException("The server is not running.");

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        if (_process is { HasExited: true } dead)
        {
            Assert.Fail($"Redis ended at its start: {dead.Output}");
        }
        return await _server.ProbeAsync(cancellationToken);
    }
}
