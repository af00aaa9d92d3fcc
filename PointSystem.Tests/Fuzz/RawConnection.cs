using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PointSystem.Tests.Fuzz;

/// <summary>An answer as it came over the wire.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Headers">The headers, by lower-case name; several values are joined.</param>
/// <param name="Body">The body, without its framing.</param>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The body, if it is a JSON object.</summary>
    public JsonObject? Json()
    {
        try
        {
            return Headers.GetValueOrDefault("content-type", "").Contains("json", StringComparison.Ordinal) ? JsonNode.Parse(Body) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The code of the problem; empty if there is none.</summary>
    public string Code => Status >= 400 ? Json()?["code"]?.ToString() ?? "" : "";
}

/// <summary>One connection, on which anything can be sent, also what is not HTTP.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public static async Task<RawConnection> OpenAsync(Uri address, CancellationToken cancellationToken)
    {
        var connection = new RawConnection();
        await connection._socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        return connection;
    }

    /// <summary>Whether the last answer allows another request.</summary>
    public bool IsReusable { get; private set; } = true;

    /// <summary>Sends the request and reads its answer; null if the connection was closed without one.</summary>
    /// <exception cref="OperationCanceledException">Neither happened in time.</exception>
    /// <exception cref="InvalidDataException">The answer is not HTTP, or ended early.</exception>
    public async Task<RawAnswer?> ExchangeAsync(FuzzRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var sending = SendAsync(request, cancellationToken);
            var answer = await ReadAsync(request.Method == "HEAD", cancellationToken);
            await sending;
            return answer;
        }
        catch (SocketException)
        {
            IsReusable = false;
            return null;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task SendAsync(FuzzRequest request, CancellationToken cancellationToken)
    {
        try
        {
            for (var sent = 0; sent < request.Bytes.Length;)
            {
                sent += await _socket.SendAsync(request.Bytes.AsMemory(sent), cancellationToken);
            }

            if (request.EndsInput)
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (SocketException)
        {
            // Refused before it was read to its end; the answer says why.
        }
    }

    private async Task<RawAnswer?> ReadAsync(bool isHead, CancellationToken cancellationToken)
    {
        while (true)
        {
            var line = await LineAsync(cancellationToken);
            if (line is null)
            {
                IsReusable = false;
                return null;
            }

            if (!line.StartsWith("HTTP/1.", StringComparison.Ordinal) || line.Length < 12
                || !int.TryParse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var status))
            {
                throw new InvalidDataException($"Not the first line of an answer: {line}");
            }

            var headers = new Dictionary<string, string>();
            for (string? header; (header = await RequiredLineAsync(cancellationToken)).Length > 0;)
            {
                var colon = header.IndexOf(':', StringComparison.Ordinal);
                var name = header[..colon].ToLowerInvariant();
                var value = header[(colon + 1)..].Trim();
                headers[name] = headers.TryGetValue(name, out var earlier) ? $"{earlier}, {value}" : value;
            }

            if (status is >= 100 and < 200 and not 101)
            {
                continue;
            }

            IsReusable = !headers.GetValueOrDefault("connection", "").Contains("close", StringComparison.OrdinalIgnoreCase);
            if (isHead || status is 204 or 304)
            {
                return new RawAnswer(status, headers, []);
            }

            // A stream of events goes on for ever.
            if (headers.GetValueOrDefault("content-type", "").StartsWith("text/event-stream", StringComparison.Ordinal))
            {
                IsReusable = false;
                return new RawAnswer(status, headers, []);
            }

            return new RawAnswer(status, headers, await BodyAsync(headers, cancellationToken));
        }
    }

    private async Task<byte[]> BodyAsync(Dictionary<string, string> headers, CancellationToken cancellationToken)
    {
        using var body = new MemoryStream();
        if (headers.GetValueOrDefault("transfer-encoding") == "chunked")
        {
            for (int size; (size = int.Parse(await RequiredLineAsync(cancellationToken), NumberStyles.HexNumber, CultureInfo.InvariantCulture)) > 0;)
            {
                await CopyAsync(size, body, cancellationToken);
                await RequiredLineAsync(cancellationToken);
            }

            await RequiredLineAsync(cancellationToken);
        }
        else if (headers.TryGetValue("content-length", out var length))
        {
            await CopyAsync(int.Parse(length, NumberStyles.None, CultureInfo.InvariantCulture), body, cancellationToken);
        }
        else
        {
            IsReusable = false;
            while (_end > _start || await FillAsync(cancellationToken))
            {
                body.Write(_buffer, _start, _end - _start);
                _start = _end;
            }
        }

        return body.ToArray();
    }

    private async Task CopyAsync(int count, MemoryStream to, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            if (_start == _end && !await FillAsync(cancellationToken))
            {
                throw new InvalidDataException($"The answer ended {count} bytes early.");
            }

            var part = Math.Min(count, _end - _start);
            to.Write(_buffer, _start, part);
            _start += part;
            count -= part;
        }
    }

    private async Task<string> RequiredLineAsync(CancellationToken cancellationToken) =>
        await LineAsync(cancellationToken) ?? throw new InvalidDataException("The answer ended early.");

    private async Task<string?> LineAsync(CancellationToken cancellationToken)
    {
        var searched = 0;
        while (true)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                var line = Encoding.Latin1.GetString(_buffer, _start, searched + at).TrimEnd('\r');
                _start += searched + at + 1;
                return line;
            }

            searched = _end - _start;
            if (!await FillAsync(cancellationToken))
            {
                return searched == 0 ? null : throw new InvalidDataException("The answer ended early.");
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        var read = await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        return read > 0;
    }
}
