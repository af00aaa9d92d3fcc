using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace PointSystem.Api.Http;

/// <summary>The query parameter <c>size</c> of lists; the other one is <see cref="Cursor"/>.</summary>
internal static class Paging
{
    /// <summary>Rows of a page when nothing is said.</summary>
    public const int SizeDefault = 20;

    /// <summary>Maximum rows of a page.</summary>
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
}
