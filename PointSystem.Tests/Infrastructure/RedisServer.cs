using System.Globalization;
using StackExchange.Redis;
using ProductRedis = PointSystem.Local.Garnet.RedisServer;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// An empty Redis for one test on a free loopback port: <c>redis-server</c> if it is installed, otherwise Microsoft Garnet. It runs in its own
/// process, so that it can be frozen and killed.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private ChildProcess? _process;

    // The same choice as the product makes.
    private readonly ProductRedis _server = new(Environment.GetEnvironmentVariable("POINTSYSTEM_REDIS"), Path.GetTempPath());

    private readonly Func<int, IEnumerable<string>>? _more;

    private RedisServer(Func<int, IEnumerable<string>>? more) => _more = more;

    public int Port => _server.Port;

    /// <summary><c>host:port</c>, as a Dapr component and StackExchange.Redis both take it.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>For StackExchange.Redis. If the server is not running, the connection is made later.</summary>
    public string ConnectionString => Address + ",abortConnect=false,connectTimeout=2000";

    /// <summary>Whether this is redis-server rather than Garnet.</summary>
    public bool IsRedis => _server.IsInstalled;

    /// <summary>Whether <see cref="PauseAsync"/> works here.</summary>
    public static bool CanPause => !OperatingSystem.IsWindows();

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <param name="more">More arguments of redis-server, for its port. Not for Garnet.</param>
    public static async Task<RedisServer> StartAsync(CancellationToken cancellationToken, Func<int, IEnumerable<string>>? more = null)
    {
        var server = new RedisServer(more);
        await server.RestartAsync(cancellationToken);
        return server;
    }

    /// <summary>Chooses the port of a server that <see cref="RestartAsync"/> starts later.</summary>
    public static RedisServer NotStarted() => new(more: null);

    /// <summary>Starts the server, or restarts it empty on the same port, and waits until it answers.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await KillAsync();
        var spec = _server.Spec();
        _process = ChildProcess.Start(spec.FileName, [.. spec.Arguments, .. _more?.Invoke(Port) ?? []]);
        await Eventually.HoldsAsync(() => AnswersAsync(cancellationToken), () => $"Redis does not answer: {_process.Output}");
    }

    /// <summary>Freezes the server: connections stay open but get no answers.</summary>
    public Task PauseAsync() => Process.SignalAsync("STOP");

    /// <summary>Resumes a frozen server.</summary>
    public Task ResumeAsync() => Process.SignalAsync("CONT");

    /// <summary>Kills the server like <c>kill -9</c>; its data is lost.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.DisposeAsync();
        }
    }

    /// <summary>Opens a connection, with which a test reads the server directly.</summary>
    public async Task<ConnectionMultiplexer> ConnectAsync() => await ConnectionMultiplexer.ConnectAsync(ConnectionString);

    public async ValueTask DisposeAsync() => await KillAsync();

    private ChildProcess Process => _process ?? throw new InvalidOperationException("The server is not running.");

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        if (_process is { HasExited: true } dead)
        {
            Assert.Fail($"Redis ended at its start: {dead.Output}");
        }
        // One that demands a user or TLS answers no plain PING.
        return _more is null
            ? await _server.ProbeAsync(cancellationToken)
            : _process!.Output.Contains("Ready to accept connections", StringComparison.Ordinal);
    }
}
