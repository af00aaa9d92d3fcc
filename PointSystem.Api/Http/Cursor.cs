using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace PointSystem.Api.Http;

/// <summary>
/// The end of a page: the sort key of its last item as opaque text, with a checksum over the key and the name of the list. A mistyped
/// cursor, or one of another list, is refused instead of returning a wrong page.
/// </summary>
/// <remarks>
/// The checksum is not a signature and need not be one: every query is limited to the requested member, whatever the cursor contains.
/// </remarks>
internal static class Cursor
{
    private const int ChecksumBytes = 6;
    private const int PartsMax = 4;
    private const int TextMax = 256;

    /// <summary>Writes a cursor.</summary>
    /// <param name="list">The name of the list: its kind, its owner, and every filter that decides its rows.</param>
    /// <param name="parts">The sort key: at most four numbers.</param>
    public static string Write(string list, params ReadOnlySpan<long> parts)
    {
        Span<byte> bytes = stackalloc byte[(PartsMax * sizeof(long)) + ChecksumBytes];
        bytes = bytes[..((parts.Length * sizeof(long)) + ChecksumBytes)];
        for (var i = 0; i < parts.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes[(i * sizeof(long))..], parts[i]);
        }

        WriteChecksum(list, bytes[..^ChecksumBytes], bytes[^ChecksumBytes..]);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Reads a cursor of this list into <paramref name="parts"/>. False for every other text.</summary>
    public static bool TryRead(string list, string text, Span<long> parts)
    {
        Span<byte> bytes = stackalloc byte[(PartsMax * sizeof(long)) + ChecksumBytes];
        bytes = bytes[..((parts.Length * sizeof(long)) + ChecksumBytes)];
        // Not TryDecodeFromChars: it returns false only for a short destination, and throws on text that is not base64url.
        if (text.Length != Base64Url.GetEncodedLength(bytes.Length)
            || Base64Url.DecodeFromChars(text, bytes, out _, out var length) != OperationStatus.Done
            || length != bytes.Length)
        {
            return false;
        }

        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = BinaryPrimitives.ReadInt64BigEndian(bytes[(i * sizeof(long))..]);
        }

        // A cursor has exactly one spelling: this compares the checksum, and also the unused bits of the last character.
        return Write(list, parts) == text;
    }

    private static void WriteChecksum(string list, ReadOnlySpan<byte> key, Span<byte> checksum)
    {
        // In one call: an event stream writes one for each event.
        Span<byte> text = stackalloc byte[TextMax];
        var length = key.Length + Encoding.UTF8.GetByteCount(list);
        text = length > TextMax ? new byte[length] : text[..length];
        key.CopyTo(text);
        Encoding.UTF8.GetBytes(list, text[key.Length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        hash[..ChecksumBytes].CopyTo(checksum);
    }
}
