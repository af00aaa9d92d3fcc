using PointSystem.Api.Http;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A lot's place in the draw order (<see cref="DrawOrder"/>): the sort key by which lists of lots are paged. It never changes.</summary>
internal readonly record struct DrawPosition(bool IsManualGrant, DateOnly ExpirationDate, DateTimeOffset CreatedAt, long LotId)
{
    /// <summary>Before every lot that is live on that date.</summary>
    public static DrawPosition Start(DateOnly today) => new(true, today, DateTimeOffset.MinValue, 0);

    public static DrawPosition Of(Lot lot) => new(lot.IsManualGrant, lot.ExpirationDate, lot.CreatedAt, lot.Id);

    /// <summary>Reads the position from a cursor. False when the text is no cursor of this list.</summary>
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
    /// The lower bounds among manual grants and among the others. The mark comes before the date and in the other direction, so one comparison
    /// cannot say "after this position"; one for each mark can, and each is a range of the index of the draw order.
    /// </summary>
    public (DrawBound Manual, DrawBound Ordinary) Bounds(DateOnly today)
    {
        var live = new DrawBound(today, DateTimeOffset.MinValue, 0);
        var here = new DrawBound(ExpirationDate, CreatedAt, LotId);

        // A lot may have lapsed since its page was answered: the list goes on with what is live now.
        here = ExpirationDate < today ? live : here;
        return IsManualGrant ? (here, live) : (DrawBound.End, here);
    }
}

/// <summary>Everything behind this, exclusively.</summary>
internal readonly record struct DrawBound(DateOnly ExpirationDate, DateTimeOffset CreatedAt, long LotId)
{
    /// <summary>Nothing is behind this: <c>infinity</c> in the database.</summary>
    public static DrawBound End { get; } = new(DateOnly.MaxValue, DateTimeOffset.MaxValue, long.MaxValue);
}
