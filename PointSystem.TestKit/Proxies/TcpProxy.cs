using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.TestKit;

/// <summary>A TCP proxy on the loopback interface. What it does to the bytes is up to the class that derives from it.</summary>
public abstract class TcpProxy : IAsyncDisposable
{
    private const int ChunkSize = 64 * 1024;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Link, byte> _links = new();
    private readonly Task _accepting;
    private volatile int _target;

    /// <param name="targetPort">Where connections go, on the loopback interface.</param>
    protected TcpProxy(int targetPort)
    {
        _target = targetPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Passes a chunk on: gets what arrived, gives what is sent further (nothing, if it is empty).</summary>
    protected delegate ValueTask<ReadOnlyMemory<byte>> Pass(Memory<byte> chunk);

    /// <summary>Where it listens, on the loopback interface.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Cancelled when the proxy ends.</summary>
    protected CancellationToken Stopping => _stop.Token;

    /// <summary>The connections of this moment.</summary>
    protected IEnumerable<Link> Links => _links.Keys;

    /// <summary>Sends connections made from now on to another server.</summary>
    public void Redirect(int targetPort) => _target = targetPort;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        foreach (var link in _links.Keys)
        {
            link.Dispose();
        }
        await _accepting;
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What becomes of the bytes of one direction of a new connection.</summary>
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
            // The proxy ends.
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
            // One side has gone; the other is closed with it.
        }
    }

    private static bool IsEnd(Exception fault) => fault is OperationCanceledException or SocketException or ObjectDisposedException;

    /// <summary>One connection and its continuation.</summary>
    protected sealed class Link : IDisposable
    {
        internal Link(Socket client)
        {
            Client = client;
            client.NoDelay = true;
        }

        /// <summary>Bytes were swallowed: it can never be whole again.</summary>
        public bool LostBytes { get; set; }

        internal Socket Client { get; }

        internal Socket Server { get; } = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        /// <summary>Breaks both sides.</summary>
        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
