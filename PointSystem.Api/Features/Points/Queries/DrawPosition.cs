using PointSystem.Api.Http;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>
/// The position of a lot in the draw order (<see cref="DrawOrder"/>): the sort key for paging lists of lots. It never changes.
/// </summary>
internal readonly record struct DrawPosition(bool IsManualGrant, DateOnly ExpirationDate, DateTimeOffset CreatedAt, long LotId)
{
    /// <summary>The position before all lots that are live on a date.</summary>
    public static DrawPosition Start(DateOnly today) => new(true, today, DateTimeOffset.MinValue, 0);

    public static DrawPosition Of(Lot lot) => new(lot.IsManualGrant, lot.ExpirationDate, lot.CreatedAt, lot.Id);

    /// <summary>Reads the position from a cursor. False if the text is not a cursor of this list.</summary>
    public static bool TryRead(string list, string text, out DrawPosition position)
    {
        Span<long> parts = stackalloc long[4];
        position = default;
        if (!Cursor.TryRead(list, text, parts)
            || parts[0] is not (0 or 1)
            || parts[1] < 0 || parts[1] > DateOnly.MaxValue.DayNumber
            || parts[2] < DateTimeOffset.MinValue.Ticks || parts[2] > DateTimeOffset.MaxValue.Ticks)
        {
            return false;
        }

        position = new(parts[0] == 1, DateOnly.FromDayNumber((int)parts[1]), new DateTimeOffset(parts[2], TimeSpan.Zero), parts[3]);
        return true;
    }

    public string ToCursor(string list) =>
        Cursor.Write(list, IsManualGrant ? 1 : 0, ExpirationDate.DayNumber, CreatedAt.UtcTicks, LotId);

    /// <summary>
    /// The lower bounds among manual grants and among other lots. is_manual_grant comes before the date and sorts in the opposite
    /// direction, so a single row comparison cannot express "after this position". One comparison for each value can, and each is a range
    /// of the draw order index.
    /// </summary>
    public (DrawBound Manual, DrawBound Ordinary) Bounds(DateOnly today)
    {
        var live = new DrawBound(today, DateTimeOffset.MinValue, 0);
        var here = new DrawBound(ExpirationDate, CreatedAt, LotId);

        // The lot may have expired since its page was read: the list continues with the lots that are live now.
        here = ExpirationDate < today ? live : here;
        return IsManualGrant ? (here, live) : (DrawBound.End, here);
    }
}

/// <summary>An exclusive lower bound: lots after this position.</summary>
internal readonly record struct DrawBound(DateOnly ExpirationDate, DateTimeOffset CreatedAt, long LotId)
{
    /// <summary>The bound after all lots: <c>infinity</c> in the database.</summary>
    public static DrawBound End { get; } = new(DateOnly.MaxValue, DateTimeOffset.MaxValue, long.MaxValue);
}
