using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace PointSystem.TestKit;

/// <summary>
/// A proxy between a client and PostgreSQL that counts round trips: how often the client sent something after the server had answered
/// everything ("ready for query"). Messages sent together count as one.
/// </summary>
public sealed class RoundTripProxy(int targetPort) : TcpProxy(targetPort)
{
    private readonly ConcurrentDictionary<Link, Turn> _turns = new();
    private int _roundTrips;

    /// <summary>Round trips so far on all connections, without the connection start.</summary>
    public int RoundTrips => Volatile.Read(ref _roundTrips);

    protected override Pass Open(Link link, bool toServer)
    {
        var turn = _turns.GetOrAdd(link, static _ => new Turn());
        if (toServer)
        {
            return chunk =>
            {
                if (Interlocked.Exchange(ref turn.IsServerWaiting, 0) == 1)
                {
                    Interlocked.Increment(ref _roundTrips);
                }
                return ValueTask.FromResult<ReadOnlyMemory<byte>>(chunk);
            };
        }
        var watch = new ReadyWatch(() => Volatile.Write(ref turn.IsServerWaiting, 1));
        return chunk =>
        {
            watch.Read(chunk);
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(chunk);
        };
    }

    private sealed class Turn
    {
        public int IsServerWaiting;
    }

    /// <summary>Parses the server's messages (a type byte, a length) and calls back for each 'Z'.</summary>
    private sealed class ReadyWatch(Action ready)
    {
        private readonly byte[] _head = new byte[5];
        private int _headBytes;
        private int _bodyLeft;

        public void Read(ReadOnlyMemory<byte> bytes)
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
