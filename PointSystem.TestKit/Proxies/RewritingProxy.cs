using System.Buffers.Binary;
using Npgsql;

namespace PointSystem.TestKit;

/// <summary>
/// A proxy between a replica and PostgreSQL that removes words from the statements by overwriting them with blanks. This simulates a
/// defective build, for example one without the <c>FOR UPDATE</c>.
/// </summary>
/// <param name="connectionString">Connection string of a server on the loopback interface.</param>
/// <param name="words">The words to remove, each where it stands, one after the other.</param>
public sealed class RewritingProxy(string connectionString, params byte[][] words) : TcpProxy(new NpgsqlConnectionStringBuilder(connectionString).Port)
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
        var lengthAt = 0;
        return chunk =>
        {
            // Whole messages only: packets end anywhere, also within the words, and a message may end like the words begin.
            byte[] received = [.. kept, .. chunk.Span];
            var send = 0;
            while (FindEnd(received.AsSpan(send), lengthAt) is { } length)
            {
                Rewrite(received.AsSpan(send, length));
                send += length;

                // The first message of a connection has no type before its length.
                lengthAt = 1;
            }
            kept = received[send..];
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(received.AsMemory(0, send));
        };
    }

    // The length in a message counts itself and what follows it.
    private static int? FindEnd(ReadOnlySpan<byte> bytes, int lengthAt) =>
        bytes.Length >= lengthAt + sizeof(int) && lengthAt + BinaryPrimitives.ReadInt32BigEndian(bytes[lengthAt..]) is var end && end <= bytes.Length
            ? end
            : null;

    private void Rewrite(Span<byte> bytes)
    {
        foreach (var word in words)
        {
            for (var at = bytes.IndexOf(word); at >= 0; at = bytes.IndexOf(word))
            {
                bytes.Slice(at, word.Length).Fill((byte)' ');
                Interlocked.Increment(ref _rewritten);
            }
        }
    }
}
