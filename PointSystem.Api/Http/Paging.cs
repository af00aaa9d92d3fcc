using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace PointSystem.Api.Http;

/// <summary>The query parameters of lists: <c>size</c> and <c>cursor</c>.</summary>
internal static class Paging
{
    /// <summary>Rows of a page when nothing is said.</summary>
    public const int SizeDefault = 20;

    /// <summary>Most rows of a page.</summary>
    public const int SizeMax = 100;

    /// <summary>Reads <c>size</c>, 1 … 100.</summary>
    public static bool TryReadSize(HttpContext http, out int size, [NotNullWhen(false)] out IResult? problem, int sizeDefault = SizeDefault)
    {
        ArgumentNullException.ThrowIfNull(http);
        size = sizeDefault;
        problem = null;
        if (!http.Request.Query.TryGetValue("size", out var values))
        {
            return true;
        }

        if (values.Count == 1 && int.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out size) && size is >= 1 and <= SizeMax)
        {
            return true;
        }

        problem = Problems.Invalid("size", $"size must be a whole number from 1 to {SizeMax}.");
        return false;
    }

    /// <summary>Reads a <c>cursor</c> that <see cref="Cursor"/> made; null when none was given.</summary>
    public static bool TryReadCursor(HttpContext http, out long? cursor, [NotNullWhen(false)] out IResult? problem)
    {
        ArgumentNullException.ThrowIfNull(http);
        cursor = null;
        problem = null;
        if (!http.Request.Query.TryGetValue("cursor", out var values))
        {
            return true;
        }

        Span<byte> bytes = stackalloc byte[24];
        if (values is [{ Length: > 0 and <= 32 } text]
            && Base64Url.TryDecodeFromChars(text, bytes, out var length)
            && long.TryParse(bytes[..length], NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            && Cursor(position) == text)
        {
            cursor = position;
            return true;
        }

        problem = Problems.Invalid("cursor", "cursor must be the nextCursor of the page before, unchanged.");
        return false;
    }

    /// <summary>The opaque cursor for a position, 0 or more: opaque so that nobody counts on what is inside.</summary>
    public static string Cursor(long position) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(position.ToString(CultureInfo.InvariantCulture)));
}
