using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>GET /api/points/orders/{orderNumber}</summary>
internal static class GetOrder
{
    /// <summary>A page of the usages of an order.</summary>
    /// <param name="OrderNumber">The order number, normalized.</param>
    /// <param name="Usages">Its usages, by member and then oldest first. An unknown order has none.</param>
    /// <param name="NextCursor">The cursor of the next page; null on the last page.</param>
    public sealed record Response(string OrderNumber, IReadOnlyList<GetUsage.Response> Usages, string? NextCursor);

    public static async Task<IResult> HandleAsync(string orderNumber, HttpContext http, ReadSource source)
    {
        // Routing leaves an encoded slash as it is.
        if (OrderNumbers.Check(orderNumber.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase), out var order) is { } invalid)
        {
            return invalid.ToProblem();
        }

        if (!Paging.TryReadSize(http, out var size, out var problem) || !QueryTexts.TryRead(http, Paging.CursorParameter, out var cursor, out problem))
        {
            return problem;
        }

        var after = new long[2];
        if (cursor is not null && !Cursor.TryRead(OrderQuery.List(order), cursor, after))
        {
            return Paging.InvalidCursor();
        }

        var page = await OrderQuery.ReadAsync(source.Database, order, after[0], after[1], Math.Min(size, OrderQuery.PageMax), http.RequestAborted);
        return TypedResults.Ok(new Response(
            order,
            [.. page.Items.Select(trace => new GetUsage.Response(UsageResponse.From(trace.Usage, trace.Details), trace.Cancellations))],
            page.NextCursor));
    }
}
