using System.Globalization;
using System.Text.RegularExpressions;

namespace PointSystem.Api.Features.Points.Queries;

/// <summary>A past moment of a balance: the instant and its business date.</summary>
internal readonly partial record struct PastMoment(DateTimeOffset At, DateOnly Date)
{
    private const int TickDigits = 7;

    /// <summary>The instant, truncated to microseconds, the precision of the database.</summary>
    public static PastMoment Of(DateTimeOffset at, TimeZoneInfo zone)
    {
        var cut = new DateTimeOffset(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
        return new PastMoment(cut, DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(cut, zone).DateTime));
    }

    /// <summary>The last microsecond of a business date. The date must not be <see cref="DateOnly.MaxValue"/>.</summary>
    public static PastMoment EndOf(DateOnly date, TimeZoneInfo zone)
    {
        var midnight = date.AddDays(1).ToDateTime(TimeOnly.MinValue);

        // Where clocks go forward at midnight, the day starts later.
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

    /// <summary>
    /// Reads an RFC 3339 instant such as <c>2026-03-01T09:00:00+09:00</c>, with any number of fractional digits; the seconds may be
    /// omitted. The result is clamped to the range of <see cref="DateTimeOffset"/>.
    /// </summary>
    /// <remarks>
    /// A leap second, which computer clocks and the database do not have, counts as the last microsecond before it. It is accepted where
    /// one is possible: at 23:59:60 UTC on the last day of a month.
    /// </remarks>
    public static bool TryReadInstant(string text, out DateTimeOffset instant)
    {
        instant = default;
        var parts = Instant().Match(text).Groups;
        if (!parts[0].Success || !TryReadDate(parts["date"].Value, out var date))
        {
            return false;
        }

        var (hour, minute, second) = (Number(parts["hour"]), Number(parts["minute"]), Number(parts["second"]));
        var (offsetHour, offsetMinute) = (Number(parts["offsetHour"]), Number(parts["offsetMinute"]));
        if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59)
        {
            return false;
        }

        // An unescaped '+' in the query string arrives as a space.
        var offset = new TimeSpan(offsetHour, offsetMinute, 0);
        offset = parts["sign"].Value == "-" ? -offset : offset;
        var isLeap = second == 60;
        var ticks = date.ToDateTime(new TimeOnly(hour, minute, isLeap ? 59 : second)).Ticks - offset.Ticks;
        ticks += isLeap ? TimeSpan.TicksPerSecond - TimeSpan.TicksPerMicrosecond : Fraction(parts["fraction"].Value);
        instant = new DateTimeOffset(Math.Clamp(ticks, DateTimeOffset.MinValue.Ticks, DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);
        return !isLeap || (instant is { Hour: 23, Minute: 59 } && instant.Day == DateTime.DaysInMonth(instant.Year, instant.Month));
    }

    [GeneratedRegex(
        """
        \A(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?<hour>[0-9]{2}):(?<minute>[0-9]{2})(:(?<second>[0-9]{2})(\.(?<fraction>[0-9]+))?)?
        ([Zz]|(?<sign>[-+\ ])(?<offsetHour>[0-9]{2}):(?<offsetMinute>[0-9]{2}))\z
        """,
        RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Instant();

    /// <summary>The value of at most two digits; 0 if there are none.</summary>
    private static int Number(Group digits) => digits.Success ? int.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;

    /// <summary>The fraction of a second in ticks, truncated.</summary>
    private static long Fraction(string digits) => digits.Length == 0
        ? 0
        : long.Parse(digits[..Math.Min(digits.Length, TickDigits)].PadRight(TickDigits, '0'), NumberStyles.None, CultureInfo.InvariantCulture);
}
