using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace PointSystem.Bench.Load;

/// <summary>The bytes of one caller's <c>POST /api/points/use</c>, created once; only the digits of member and order change.</summary>
internal sealed class UseRequest : Request
{
    private const int MemberWidth = 19;
    private const int OrderWidth = 10;
    private readonly byte[] _bytes;
    private readonly int _member;
    private readonly int _order;
    private readonly int? _key;
    private long _number;

    /// <param name="host">Value of the Host header.</param>
    /// <param name="orders">Prefix of the order numbers; different for each caller and run.</param>
    /// <param name="amount">Points of each use.</param>
    /// <param name="withKey">Whether each request has an Idempotency-Key, so that the gateway may send it again.</param>
    public UseRequest(string host, string orders, long amount, bool withKey = false)
    {
        // JSON allows blanks before a number, so every request has the same length.
        var member = new string(' ', MemberWidth);
        var order = new string('0', OrderWidth);
        var body = string.Create(CultureInfo.InvariantCulture, $$"""{"memberId":{{member}},"orderNumber":"{{orders}}-{{order}}","amount":{{amount}}}""");
        var key = withKey ? $"Idempotency-Key: {orders}-{order}\r\n" : "";
        var head = $"POST /api/points/use HTTP/1.1\r\nHost: {host}\r\n{key}Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
        _bytes = Encoding.ASCII.GetBytes(head + body);
        _member = head.Length + body.IndexOf(member, StringComparison.Ordinal);
        _order = head.Length + body.IndexOf(order, StringComparison.Ordinal);
        _key = withKey ? head.IndexOf($"-{order}\r\n", StringComparison.Ordinal) + 1 : null;
    }

    public override ReadOnlySpan<byte> Next(long memberId)
    {
        Write(_member, MemberWidth, memberId, (byte)' ');
        Write(_order, OrderWidth, ++_number, (byte)'0');
        if (_key is { } key)
        {
            Write(key, OrderWidth, _number, (byte)'0');
        }

        return _bytes;
    }

    private void Write(int at, int width, long value, byte filler)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out var length);
        var field = _bytes.AsSpan(at, width);
        field.Fill(filler);
        digits[..length].CopyTo(field[(width - length)..]);
    }
}
