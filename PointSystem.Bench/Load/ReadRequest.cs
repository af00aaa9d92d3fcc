using System.Buffers.Text;
using System.Text;

namespace PointSystem.Bench.Load;

/// <summary>The bytes of one caller's reads.</summary>
/// <param name="host">Value of the Host header.</param>
/// <param name="path">The path before the member.</param>
/// <param name="query">What follows the member.</param>
internal sealed class ReadRequest(string host, string path, string query = "") : Request
{
    private const int MemberWidth = 19;

    private readonly byte[] _head = Encoding.ASCII.GetBytes($"GET {path}");
    private readonly byte[] _tail = Encoding.ASCII.GetBytes($"{query} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    private readonly byte[] _bytes = new byte[path.Length + query.Length + host.Length + MemberWidth + 64];

    public override ReadOnlySpan<byte> Next(long memberId)
    {
        _head.CopyTo(_bytes, 0);
        Utf8Formatter.TryFormat(memberId, _bytes.AsSpan(_head.Length), out var digits);
        _tail.CopyTo(_bytes, _head.Length + digits);
        return _bytes.AsSpan(0, _head.Length + digits + _tail.Length);
    }
}
