using PointSystem.Api.Http;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>Selects a part of a member's history.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="OrderNumber">Only usages of this order and their cancellations; null for all.</param>
/// <param name="Kind">Only this kind, as spelled in the API; null for all.</param>
internal sealed record HistoryFilter(long MemberId, string? OrderNumber, string? Kind)
{
    // Length-prefixed: an order number may contain any character, so a separator alone could make two filters look the same.
    private string List => $"history:{MemberId}:{Kind}:{OrderNumber?.Length}:{OrderNumber}";

    public string CursorAfter(long firstSequence) => Cursor.Write(List, firstSequence);

    /// <summary>Reads the sequence before which a page starts. False if the text is not a cursor of this list.</summary>
    public bool TryReadCursor(string text, out long before)
    {
        Span<long> parts = stackalloc long[1];
        var read = Cursor.TryRead(List, text, parts);
        before = parts[0];
        return read;
    }
}
