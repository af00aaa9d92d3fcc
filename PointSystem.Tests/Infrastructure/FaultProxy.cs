using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// A TCP proxy that can keep back one direction alone. Requests that arrive while replies are kept back take effect, and nobody hears of it: the fault
/// that makes ghost holds. <see cref="Heal"/> breaks the connections whose bytes were kept back, as a network that gave them up would.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Link, byte> _links = new();
    private volatile int _target;
    private readonly Task _accepting;
    private volatile bool _keepRequests;
    private volatile bool _keepReplies;

    public FaultProxy(int targetPort)
    {
        _target = targetPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Sends connections made from now on to another server.</summary>
    public void Redirect(int targetPort) => _target = targetPort;

    /// <summary>From now on nothing reaches the server.</summary>
    public void KeepRequests() => _keepRequests = true;

    /// <summary>From now on nothing comes back from the server.</summary>
    public void KeepReplies() => _keepReplies = true;

    /// <summary>Lets both directions through again, on new connections where bytes were lost.</summary>
    public void Heal()
    {
        _keepRequests = _keepReplies = false;
        foreach (var link in _links.Keys.Where(link => link.LostBytes))
        {
            link.Dispose();
        }
    }

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
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var link = new Link(await _listener.AcceptSocketAsync(_stop.Token));
                _links.TryAdd(link, 0);
                _ = RunAsync(link);
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
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
                    PumpAsync(link, link.Client, link.Server, () => _keepRequests),
                    PumpAsync(link, link.Server, link.Client, () => _keepReplies));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The client sees the connection close.
            }
        }
        _links.TryRemove(link, out _);
    }

    private async Task PumpAsync(Link link, Socket from, Socket to, Func<bool> keep)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _stop.Token) is > 0 and var count)
            {
                if (keep())
                {
                    link.LostBytes = true;
                    continue;
                }
                await to.SendAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side has gone; the other is closed with it.
        }
    }

    private sealed class Link(Socket client) : IDisposable
    {
        public Socket Client { get; } = client;

        public Socket Server { get; } = new(SocketType.Stream, ProtocolType.Tcp);

        public volatile bool LostBytes;

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
