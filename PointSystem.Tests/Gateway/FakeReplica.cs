using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>A server that writes raw bytes, so that it can break the connection at any point, like a killed replica.</summary>
internal sealed class FakeReplica : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Func<string, string?> _answer;
    private readonly string _headers;
    private readonly Task _accepting;

    private FakeReplica(string name, Func<string, string?> answer, string headers)
    {
        _answer = answer;
        _headers = headers;
        _listener.Start();
        Upstream = new Upstream(name, new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}"));
        Upstream.Set(UpstreamState.Ready);
        _accepting = AcceptAsync();
    }

    public const string Hang = "";

    public Upstream Upstream { get; }

    /// <summary>Head and body of every request, unchanged.</summary>
    public ConcurrentQueue<string> Received { get; } = new();

    /// <summary>Starts a replica that answers 200 with its own name.</summary>
    public static FakeReplica Healthy(string name) => Start(name, _ => name);

    /// <param name="name">Its name.</param>
    /// <param name="answer">Returns the body of an answer; null breaks the connection, <see cref="Hang"/> never answers.</param>
    /// <param name="headers">Additional headers of each answer, each with its line break.</param>
    public static FakeReplica Start(string name, Func<string, string?> answer, string headers = "") => new(name, answer, headers);

    /// <summary>Closes the port without telling the gateway.</summary>
    public void StopListening() => _listener.Stop();

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting;
        Upstream.Dispose();
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_ending.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test has ended, or the port is closed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await ReadAsync(stream) is { } request)
                {
                    Received.Enqueue(request);
                    if (_answer(request) is not { } body)
                    {
                        return;
                    }
                    if (body == Hang)
                    {
                        await Task.Delay(Timeout.InfiniteTimeSpan, _ending.Token);
                    }
                    var response = $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{_headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";
                    await stream.WriteAsync(Encoding.UTF8.GetBytes(response), _ending.Token);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // The gateway or the test has closed the connection.
            }
        }
    }

    private async Task<string?> ReadAsync(NetworkStream stream)
    {
        var bytes = new List<byte>();
        var buffer = new byte[1];
        while (!Encoding.ASCII.GetString([.. bytes.TakeLast(4)]).Equals("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(buffer, _ending.Token) == 0)
            {
                return null;
            }
            bytes.Add(buffer[0]);
        }
        var head = Encoding.UTF8.GetString([.. bytes]);
        var length = head.Split("\r\n").Where(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
            .Select(line => int.Parse(line.Split(':')[1], null)).SingleOrDefault();
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, _ending.Token);
        return head + Encoding.UTF8.GetString(body);
    }
}
