using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace PointSystem.Api.Http;

/// <summary>
/// Where a page ended: the sort key of its last item as opaque text, with a check sum over it and the list it belongs to, so that a
/// mistyped cursor and one of another list are refused instead of answering a page of something else.
/// </summary>
/// <remarks>
/// The check sum is no secret and need not be one: every query is bound to the member asked about, whatever its cursor says.
/// </remarks>
internal static class Cursor
{
    private const int CheckBytes = 6;
    private const int PartsMax = 4;

    /// <summary>Writes a cursor.</summary>
    /// <param name="list">Names the list: what, whose, and every filter that decides which rows it has.</param>
    /// <param name="parts">The sort key, at most four numbers.</param>
    public static string Write(string list, params ReadOnlySpan<long> parts)
    {
        Span<byte> bytes = stackalloc byte[(PartsMax * sizeof(long)) + CheckBytes];
        bytes = bytes[..((parts.Length * sizeof(long)) + CheckBytes)];
        for (var i = 0; i < parts.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes[(i * sizeof(long))..], parts[i]);
        }

        Check(list, bytes[..^CheckBytes], bytes[^CheckBytes..]);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Reads a cursor of this list into <paramref name="parts"/>. False for every other text.</summary>
    public static bool TryRead(string list, string text, Span<long> parts)
    {
        Span<byte> bytes = stackalloc byte[(PartsMax * sizeof(long)) + CheckBytes];
        bytes = bytes[..((parts.Length * sizeof(long)) + CheckBytes)];
        // Not TryDecodeFromChars: it answers false only when the space is short and throws on text that is not base64url.
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

        // One text for each cursor: this compares the check sum, and the unused bits of the last character as well.
        return Write(list, parts) == text;
    }

    private static void Check(string list, ReadOnlySpan<byte> key, Span<byte> check)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(key);
        hash.AppendData(Encoding.UTF8.GetBytes(list));
        hash.GetHashAndReset().AsSpan(0, CheckBytes).CopyTo(check);
    }
}
