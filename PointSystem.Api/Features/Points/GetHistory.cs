using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/history/{memberId}</summary>
internal static class GetHistory
{
    /// <summary>A page of a member's history, newest first.</summary>
    /// <param name="Items">The items: each holds the entries of one transaction and kind.</param>
    /// <param name="NextCursor">The cursor of the next page; null on the last page.</param>
    public sealed record Response(IReadOnlyList<HistoryItem> Items, string? NextCursor);

    public static async Task<IResult> HandleAsync(string memberId, HttpContext http, ReadSource source)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem)
            || !Paging.TryReadSize(http, out var size, out problem)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem)
            || !QueryTexts.TryRead(http, "orderNumber", out var orderNumber, out problem)
            || !QueryTexts.TryRead(http, "kind", out var kind, out problem))
        {
            return problem;
        }

        if (orderNumber is not null && OrderNumbers.Check(orderNumber, out orderNumber) is { } invalid)
        {
            return invalid.ToProblem();
        }

        if (kind is not null && !WireNames.Kinds.Contains(kind, StringComparer.Ordinal))
        {
            return Problems.Invalid("kind", $"kind must be one of {string.Join(", ", WireNames.Kinds)}.");
        }

        var filter = new HistoryFilter(id, orderNumber, kind);
        var before = long.MaxValue;
        if (cursor is not null && !filter.TryReadCursor(cursor, out before))
        {
            return Paging.InvalidCursor();
        }

        var page = await HistoryQuery.ReadAsync(source.Database, filter, before, size, http.RequestAborted);
        return TypedResults.Ok(new Response(page.Items, page.NextCursor));
    }

    // GET /api/points/history/{memberId}/entries
    public static async Task<IResult> HandleEntriesAsync(
        string memberId, HttpContext http, ReadSource source)
    {
        if (!MemberIds.TryRead(memberId, "memberId", out var id, out var problem)
            || !Paging.TryReadSize(http, out var size, out problem, InnerLists.SizeMax)
            || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem))
        {
            return problem;
        }

        return cursor is not null && HistoryQuery.TryReadEntriesCursor(id, cursor, out var first, out var last)
            ? TypedResults.Ok(await HistoryQuery.ReadEntriesAsync(source.Database, id, first, last, size, http.RequestAborted))
            : Problems.Invalid(
                "cursor", "cursor must be the entriesNextCursor of an item of this member's history, or the nextCursor of the previous page, unchanged.");
    }
}
