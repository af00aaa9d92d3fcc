using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// Stands between a replica and PostgreSQL and takes words out of what is sent to the server, by writing blanks over them. So the product that runs is another
/// build: one that forgot the <c>FOR UPDATE</c>.
/// </summary>
internal sealed class RewritingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly NpgsqlConnectionStringBuilder _target;
    private readonly byte[] _words;
    private readonly Task _accepting;
    private int _rewritten;

    public RewritingProxy(string connectionString, ReadOnlySpan<byte> words)
    {
        _target = new NpgsqlConnectionStringBuilder(connectionString);
        _words = words.ToArray();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>How often the words were taken out.</summary>
    public int Rewritten => Volatile.Read(ref _rewritten);

    /// <summary>For the connections that go this way.</summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder(_target.ConnectionString)
    {
        Host = "127.0.0.1",
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port,
        SslMode = SslMode.Disable,
    }.ConnectionString;

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
        await far.ConnectAsync(_target.Host!, _target.Port);
        await Task.WhenAny(PumpAsync(near.GetStream(), far.GetStream(), rewrites: true), PumpAsync(far.GetStream(), near.GetStream(), rewrites: false));
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, bool rewrites)
    {
        var buffer = new byte[128 * 1024];
        var kept = 0;
        try
        {
            while (await from.ReadAsync(buffer.AsMemory(kept), _stop.Token) is > 0 and var count)
            {
                var ready = kept + count;
                var send = rewrites ? Rewrite(buffer.AsSpan(0, ready)) : ready;
                await to.WriteAsync(buffer.AsMemory(0, send), _stop.Token);

                // The beginning of the words at the end of a packet waits for the rest; no message of the client ends like that.
                kept = ready - send;
                buffer.AsSpan(send, kept).CopyTo(buffer);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side has gone; the other is closed with it.
        }
    }

    private int Rewrite(Span<byte> bytes)
    {
        for (var at = bytes.IndexOf(_words); at >= 0; at = bytes.IndexOf(_words))
        {
            bytes.Slice(at, _words.Length).Fill((byte)' ');
            Interlocked.Increment(ref _rewritten);
        }
        for (var tail = Math.Min(_words.Length - 1, bytes.Length); tail > 0; tail--)
        {
            if (bytes[^tail..].SequenceEqual(_words.AsSpan(0, tail)))
            {
                return bytes.Length - tail;
            }
        }
        return bytes.Length;
    }
}
