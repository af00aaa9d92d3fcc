using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;

namespace PointSystem.Bench.Load;

/// <summary>
/// One persistent connection that sends requests one after the other and reads the status of each answer. It blocks, because the load
/// shares the processors with the measured system: one send, one receive, nothing else.
/// </summary>
internal sealed class HttpCaller(IPEndPoint target, TimeSpan timeout) : IDisposable
{
    /// <summary>Returned instead of a status when the connection broke, or no answer came in time.</summary>
    public const int NoAnswer = 0;

    private readonly byte[] _buffer = new byte[16 * 1024];
    private Socket? _socket;

    /// <summary>Sends a request and returns the status of the answer, or <see cref="NoAnswer"/>.</summary>
    public int Send(ReadOnlySpan<byte> request)
    {
        try
        {
            _socket ??= Connect();
            while (!request.IsEmpty)
            {
                request = request[_socket.Send(request)..];
            }

            return ReadAnswer(_socket);
        }
        catch (SocketException)
        {
            Dispose();
            return NoAnswer;
        }
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private Socket Connect()
    {
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            SendTimeout = (int)timeout.TotalMilliseconds,
            ReceiveTimeout = (int)timeout.TotalMilliseconds,
        };
        try
        {
            socket.Connect(target);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private int ReadAnswer(Socket socket)
    {
        var filled = 0;
        while (true)
        {
            if (filled == _buffer.Length)
            {
                throw new BenchException("An answer is longer than the load generator reads.");
            }

            var read = socket.Receive(_buffer.AsSpan(filled));
            if (read == 0)
            {
                Dispose();
                return NoAnswer;
            }

            filled += read;
            if (HttpAnswer.TryRead(_buffer.AsSpan(0, filled), out var status, out var close))
            {
                if (close)
                {
                    Dispose();
                }

                return status;
            }
        }
    }
}

/// <summary>The part of HTTP/1.1 that is needed to find the end of an answer.</summary>
internal static class HttpAnswer
{
    /// <summary>False while the answer is incomplete.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out int status, out bool close)
    {
        status = 0;
        close = false;
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 12)
        {
            return false;
        }

        if (!Utf8Parser.TryParse(bytes[9..12], out status, out _))
        {
            throw new BenchException("The answer is not HTTP.");
        }

        var head = bytes[..(end + 2)];
        var body = bytes[(end + 4)..];
        close = head.IndexOf("\r\nConnection: close\r\n"u8) >= 0;
        var length = head.IndexOf("\r\nContent-Length: "u8);
        if (length >= 0)
        {
            return Utf8Parser.TryParse(head[(length + 18)..], out int wanted, out _) && body.Length >= wanted;
        }

        return head.IndexOf("\r\nTransfer-Encoding: chunked\r\n"u8) < 0 || body.EndsWith("0\r\n\r\n"u8);
    }
}
