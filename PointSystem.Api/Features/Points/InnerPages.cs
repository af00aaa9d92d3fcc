using System.Diagnostics.CodeAnalysis;
using PointSystem.Api.Http;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>A page of the list inside one accumulation, usage, cancellation or transfer.</summary>
/// <param name="Key">The accumulation, usage, cancellation or transfer.</param>
/// <param name="After">The position after which the page starts.</param>
/// <param name="Size">Maximum number of rows.</param>
internal readonly record struct InnerPage(PointKey Key, long After, int Size);

/// <summary>Reads requests for such pages.</summary>
internal static class InnerPages
{
    /// <summary>Reads the point key of the route and the parameters <c>size</c> and <c>cursor</c>.</summary>
    public static bool TryRead(
        string pointKey, PointKeyType type, HttpContext http, Func<PointKey, string> list, out InnerPage page, [NotNullWhen(false)] out IResult? problem)
    {
        page = default;
        if (!PointKeys.TryRead(pointKey, type, out var key, out problem)
            || !Paging.TryReadSize(http, out var size, out problem, InnerLists.SizeMax)
            || !Paging.TryReadPosition(http, list(key), 0, out var after, out problem))
        {
            return false;
        }

        page = new InnerPage(key, after, size);
        return true;
    }
}
