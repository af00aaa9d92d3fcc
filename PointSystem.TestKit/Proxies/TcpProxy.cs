using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.TestKit;

/// <summary>A TCP proxy on the loopback interface. The derived class decides what happens to the bytes.</summary>
public abstract class TcpProxy : IAsyncDisposable
{
    private const int ChunkSize = 64 * 1024;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Link, byte> _links = new();
    private readonly Task _accepting;
    private volatile int _target;

    /// <param name="targetPort">Target port on the loopback interface.</param>
    protected TcpProxy(int targetPort)
    {
        _target = targetPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Handles a chunk: receives the bytes that arrived and returns the bytes to send on (empty for none).</summary>
    protected delegate ValueTask<ReadOnlyMemory<byte>> Pass(Memory<byte> chunk);

    /// <summary>The port it listens on, on the loopback interface.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Cancelled when the proxy is disposed.</summary>
    protected CancellationToken Stopping => _stop.Token;

    /// <summary>The current connections.</summary>
    protected IEnumerable<Link> Links => _links.Keys;

    /// <summary>Sends new connections to another server.</summary>
    public void Redirect(int targetPort) => _target = targetPort;

    /// <summary>Closes all connections.</summary>
    public void Break()
    {
        foreach (var link in _links.Keys)
        {
            link.Dispose();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Break();
        await _accepting;
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Returns the handler for one direction of a new connection.</summary>
    protected abstract Pass Open(Link link, bool toServer);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var link = new Link(await _listener.AcceptSocketAsync(_stop.Token));
                _links.TryAdd(link, 0);
                _ = RunAsync(link);
            }
        }
        catch (Exception end) when (IsEnd(end))
        {
            // The proxy was disposed.
        }
    }

    private async Task RunAsync(Link link)
    {
        using (link)
        {
            try
            {
                await link.Server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                await Task.WhenAny(
                    PumpAsync(link.Client, link.Server, Open(link, toServer: true)),
                    PumpAsync(link.Server, link.Client, Open(link, toServer: false)));
            }
            catch (Exception end) when (IsEnd(end))
            {
                // The client sees the connection close.
            }
        }
        _links.TryRemove(link, out _);
    }

    private async Task PumpAsync(Socket from, Socket to, Pass pass)
    {
        var buffer = new byte[ChunkSize];
        try
        {
            while (await from.ReceiveAsync(buffer, _stop.Token) is > 0 and var count)
            {
                for (var left = await pass(buffer.AsMemory(0, count)); left.Length > 0;)
                {
                    left = left[await to.SendAsync(left, _stop.Token)..];
                }
            }
        }
        catch (Exception end) when (IsEnd(end))
        {
            // One side has closed; the other is closed as well.
        }
    }

    private static bool IsEnd(Exception fault) => fault is OperationCanceledException or SocketException or ObjectDisposedException;

    /// <summary>A client connection and its connection to the server.</summary>
    protected sealed class Link : IDisposable
    {
        internal Link(Socket client)
        {
            Client = client;
            client.NoDelay = true;
        }

        /// <summary>Whether bytes were dropped, so that the connection cannot be used any more.</summary>
        public bool LostBytes { get; set; }

        internal Socket Client { get; }

        internal Socket Server { get; } = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        /// <summary>Closes both sides.</summary>
        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
