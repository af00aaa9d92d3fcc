using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.Tests.Infrastructure;

/// <summary>
/// Stands between a client and PostgreSQL and counts round trips: how often the client sent something when the server had answered everything
/// ("ready for query") and was waiting. Messages sent together are one.
/// </summary>
internal sealed class RoundTripProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private readonly int _target;
    private int _roundTrips;

    public RoundTripProxy(int targetPort)
    {
        _target = targetPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>So far, on all connections; their start is not counted.</summary>
    public int RoundTrips => Volatile.Read(ref _roundTrips);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var links = new List<Task>();
        try
        {
            while (true)
            {
                links.Add(LinkAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(links);
        }
    }

    private async Task LinkAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient { NoDelay = true };
        near.NoDelay = true;
        await far.ConnectAsync(IPAddress.Loopback, _target);
        var waiting = new StrongBox();
        await Task.WhenAny(
            PumpAsync(near.GetStream(), far.GetStream(), _ =>
            {
                if (Interlocked.Exchange(ref waiting.Value, 0) == 1)
                {
                    Interlocked.Increment(ref _roundTrips);
                }
            }),
            PumpAsync(far.GetStream(), near.GetStream(), new ReadyWatch(() => Volatile.Write(ref waiting.Value, 1)).Look));
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, Action<ReadOnlyMemory<byte>> look)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var count)
            {
                look(buffer.AsMemory(0, count));
                await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side has gone; the other is closed with it.
        }
    }

    private sealed class StrongBox
    {
        public int Value;
    }

    /// <summary>Walks along the server's messages (a type byte, a length) and calls for each 'Z'.</summary>
    private sealed class ReadyWatch(Action ready)
    {
        private readonly byte[] _head = new byte[5];
        private int _headBytes;
        private int _bodyLeft;

        public void Look(ReadOnlyMemory<byte> bytes)
        {
            var span = bytes.Span;
            while (!span.IsEmpty)
            {
                if (_bodyLeft > 0)
                {
                    var part = Math.Min(_bodyLeft, span.Length);
                    _bodyLeft -= part;
                    span = span[part..];
                }
                else
                {
                    _head[_headBytes++] = span[0];
                    span = span[1..];
                    if (_headBytes < _head.Length)
                    {
                        continue;
                    }

                    _headBytes = 0;
                    _bodyLeft = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(1)) - 4;
                }

                if (_bodyLeft == 0 && _headBytes == 0 && _head[0] == (byte)'Z')
                {
                    ready();
                }
            }
        }
    }
}
