using System.Globalization;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A moment that a balance is asked for: the instant, and the business date it falls on.</summary>
internal readonly record struct PastMoment(DateTimeOffset At, DateOnly Date)
{
    private static readonly string[] LocalFormats = ["yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF"];

    /// <summary>The instant, cut to the microseconds that the database keeps.</summary>
    public static PastMoment Of(DateTimeOffset at, TimeZoneInfo zone)
    {
        var cut = new DateTimeOffset(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
        return new PastMoment(cut, DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(cut, zone).DateTime));
    }

    /// <summary>The last microsecond of a business date; the date must not be the last of the calendar.</summary>
    public static PastMoment EndOf(DateOnly date, TimeZoneInfo zone)
    {
        var midnight = date.AddDays(1).ToDateTime(TimeOnly.MinValue);

        // Where clocks are put forward at midnight, the day starts later than that.
        while (zone.IsInvalidTime(midnight))
        {
            midnight = midnight.AddMinutes(15);
        }

        var offset = zone.IsAmbiguousTime(midnight) ? zone.GetAmbiguousTimeOffsets(midnight).Max() : zone.GetUtcOffset(midnight);
        return new PastMoment(new DateTimeOffset(midnight - offset, TimeSpan.Zero).AddMicroseconds(-1), date);
    }

    /// <summary>Reads <c>2026-03-01</c>.</summary>
    public static bool TryReadDate(string text, out DateOnly date) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out date);

    /// <summary>Reads an ISO 8601 instant with its offset, e.g. <c>2026-03-01T09:00:00+09:00</c>. Clamped to what a calendar can hold.</summary>
    public static bool TryReadInstant(string text, out DateTimeOffset instant)
    {
        instant = default;
        var local = text.EndsWith('Z') ? text.Length - 1 : text.Length - 6;
        if (local < 0 || !TryReadOffset(text.AsSpan(local), out var offset)
            || !DateTime.TryParseExact(
                text.AsSpan(0, local), LocalFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return false;
        }

        var ticks = Math.Clamp(time.Ticks - offset.Ticks, DateTimeOffset.MinValue.Ticks, DateTimeOffset.MaxValue.Ticks);
        instant = new DateTimeOffset(ticks, TimeSpan.Zero);
        return true;
    }

    private static bool TryReadOffset(ReadOnlySpan<char> text, out TimeSpan offset)
    {
        offset = TimeSpan.Zero;
        if (text is "Z")
        {
            return true;
        }

        // A '+' that was not escaped in the query string arrives as a space.
        if (text.Length != 6 || text[0] is not ('+' or '-' or ' ')
            || !TimeSpan.TryParseExact(text[1..], @"hh\:mm", CultureInfo.InvariantCulture, out var size) || size > TimeSpan.FromHours(14))
        {
            return false;
        }

        offset = text[0] == '-' ? -size : size;
        return true;
    }
}
