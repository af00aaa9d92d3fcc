using Npgsql;

namespace PointSystem.TestKit;

/// <summary>
/// Stands between a replica and PostgreSQL and takes words out of what is sent to the server, by writing blanks over them. So the product
/// that runs is another build: one that forgot the <c>FOR UPDATE</c>.
/// </summary>
/// <param name="connectionString">Of a server on the loopback interface.</param>
/// <param name="words">What is taken out.</param>
public sealed class RewritingProxy(string connectionString, byte[] words) : TcpProxy(new NpgsqlConnectionStringBuilder(connectionString).Port)
{
    private int _rewritten;

    /// <summary>How often the words were taken out.</summary>
    public int Rewritten => Volatile.Read(ref _rewritten);

    /// <summary>For the connections that go this way.</summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder(connectionString)
    {
        Host = "127.0.0.1",
        Port = Port,
        SslMode = SslMode.Disable,
    }.ConnectionString;

    protected override Pass Open(Link link, bool toServer)
    {
        if (!toServer)
        {
            return chunk => ValueTask.FromResult<ReadOnlyMemory<byte>>(chunk);
        }
        var kept = Array.Empty<byte>();
        return chunk =>
        {
            byte[] ready = [.. kept, .. chunk.Span];
            // The beginning of the words at the end of a packet waits for the rest; no message of the client ends like that.
            var send = Rewrite(ready);
            kept = ready[send..];
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(ready.AsMemory(0, send));
        };
    }

    private int Rewrite(Span<byte> bytes)
    {
        for (var at = bytes.IndexOf(words); at >= 0; at = bytes.IndexOf(words))
        {
            bytes.Slice(at, words.Length).Fill((byte)' ');
            Interlocked.Increment(ref _rewritten);
        }
        for (var tail = Math.Min(words.Length - 1, bytes.Length); tail > 0; tail--)
        {
            if (bytes[^tail..].SequenceEqual(words.AsSpan(0, tail)))
            {
                return bytes.Length - tail;
            }
        }
        return bytes.Length;
    }
}
