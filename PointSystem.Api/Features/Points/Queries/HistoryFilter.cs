using PointSystem.Api.Http;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Which part of a member's history is asked for.</summary>
/// <param name="MemberId">Whose.</param>
/// <param name="OrderNumber">Only usages of this order and what gave them back; null for all.</param>
/// <param name="Kind">Only this kind, in wire spelling; null for all.</param>
internal sealed record HistoryFilter(long MemberId, string? OrderNumber, string? Kind)
{
    // Length-prefixed: an order number may hold any character, so no separator could keep two filters apart.
    private string List => $"history:{MemberId}:{Kind}:{OrderNumber?.Length}:{OrderNumber}";

    public string CursorAfter(long firstSequence) => Cursor.Write(List, firstSequence);

    /// <summary>Reads the sequence that a page starts before. False when the text is no cursor of this list.</summary>
    public bool TryReadCursor(string text, out long before)
    {
        Span<long> parts = stackalloc long[1];
        var read = Cursor.TryRead(List, text, parts);
        before = parts[0];
        return read;
    }
}
