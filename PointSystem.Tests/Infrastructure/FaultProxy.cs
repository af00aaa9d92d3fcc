using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// A TCP proxy that can keep back one direction alone. Requests that arrive while replies are kept back take effect, and nobody hears of it: the fault
/// that makes ghost holds. <see cref="Heal"/> breaks the connections whose bytes were kept back, as a network that gave them up would. What is only held
/// arrives in the end, as in a network that was slow.
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
    private readonly Gate _requests = new();
    private readonly Gate _replies = new();

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

    /// <summary>Delays what the clients send until <see cref="ReleaseRequests"/>.</summary>
    public void HoldRequests() => _requests.Close();

    /// <summary>Delays what the server sends until <see cref="ReleaseReplies"/>.</summary>
    public void HoldReplies() => _replies.Close();

    public void ReleaseRequests() => _requests.Open();

    public void ReleaseReplies() => _replies.Open();

    /// <summary>Chunks of requests that are being held.</summary>
    public int HeldRequests => _requests.Waiting;

    /// <summary>Chunks of replies that are being held.</summary>
    public int HeldReplies => _replies.Waiting;

    /// <summary>Lets both directions through again, on new connections where bytes were lost.</summary>
    public void Heal()
    {
        ReleaseRequests();
        ReleaseReplies();
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
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                client.NoDelay = true;
                var link = new Link(client);
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
                    PumpAsync(link, link.Client, link.Server, () => _keepRequests, _requests),
                    PumpAsync(link, link.Server, link.Client, () => _keepReplies, _replies));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The client sees the connection close.
            }
        }
        _links.TryRemove(link, out _);
    }

    private async Task PumpAsync(Link link, Socket from, Socket to, Func<bool> keep, Gate gate)
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
                await gate.PassAsync(_stop.Token);
                await to.SendAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side has gone; the other is closed with it.
        }
    }

    /// <summary>Open or closed; counts who waits before it.</summary>
    private sealed class Gate
    {
        private volatile TaskCompletionSource? _closed;
        private int _waiting;

        public int Waiting => Volatile.Read(ref _waiting);

        public void Close() => _closed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open()
        {
            var closed = _closed;
            _closed = null;
            closed?.TrySetResult();
        }

        public async Task PassAsync(CancellationToken cancellationToken)
        {
            if (_closed is not { } closed)
            {
                return;
            }
            Interlocked.Increment(ref _waiting);
            try
            {
                await closed.Task.WaitAsync(cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }
    }

    private sealed class Link(Socket client) : IDisposable
    {
        public Socket Client { get; } = client;

        public Socket Server { get; } = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public volatile bool LostBytes;

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
