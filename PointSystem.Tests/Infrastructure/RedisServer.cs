using System.Globalization;
using System.Net.Sockets;
using StackExchange.Redis;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// A Redis of the test's own, empty, on a free port of loopback: <c>redis-server</c> where installed, else Microsoft Garnet, in a process
/// of its own either way, so that it can be frozen and killed.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private ChildProcess? _process;

    private RedisServer(int port) => Port = port;

    public int Port { get; }

    /// <summary><c>host:port</c>, as a Dapr component and StackExchange.Redis both take it.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>For StackExchange.Redis: connects later too if the server is away.</summary>
    public string ConnectionString => Address + ",abortConnect=false,connectTimeout=2000";

    /// <summary>Where redis-server is, or null: then it is Garnet. <c>TEST_REDIS</c> names a program, or <c>garnet</c>, to have it otherwise.</summary>
    public static string? Executable { get; } = Environment.GetEnvironmentVariable("TEST_REDIS") switch
    {
        "garnet" => null,
        { Length: > 0 } given => given,
        _ => Programs.Find("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"),
    };

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
    public static RedisServer NotStarted() => new(FreePort.Next());

    /// <summary>Starts the server (again) on the same port, empty, and waits until it answers.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await KillAsync();
        var port = Port.ToString(CultureInfo.InvariantCulture);
        _process = Executable is { } redis
            ? ChildProcess.Start(redis, ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            : Programs.StartLocal(["garnet", "--port", port, "--exit-with-stdin"]);
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
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port, cancellationToken);
            var stream = client.GetStream();
            await stream.WriteAsync("PING\r\n"u8.ToArray(), cancellationToken);
            var reply = new byte[7];
            await stream.ReadExactlyAsync(reply, cancellationToken);
            return reply.AsSpan().SequenceEqual("+PONG\r\n"u8);
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            return false;
        }
    }
}
