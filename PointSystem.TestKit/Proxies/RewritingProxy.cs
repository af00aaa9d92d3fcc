using Npgsql;

namespace PointSystem.TestKit;

/// <summary>
/// A proxy between a replica and PostgreSQL that removes words from the statements by overwriting them with blanks. This simulates a
/// defective build, for example one without the <c>FOR UPDATE</c>.
/// </summary>
/// <param name="connectionString">Connection string of a server on the loopback interface.</param>
/// <param name="words">The words to remove.</param>
public sealed class RewritingProxy(string connectionString, byte[] words) : TcpProxy(new NpgsqlConnectionStringBuilder(connectionString).Port)
{
    private int _rewritten;

    /// <summary>How often the words were removed.</summary>
    public int Rewritten => Volatile.Read(ref _rewritten);

    /// <summary>Connection string for connections through this proxy.</summary>
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
            // If a packet ends with the start of the words, that part waits for the rest. No client message ends like that.
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
