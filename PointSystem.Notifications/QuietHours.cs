using Microsoft.Extensions.Options;

namespace PointSystem.Notifications;

/// <summary>The hours in which nothing is sent (<see cref="NotificationOptions.QuietFrom"/>).</summary>
internal sealed class QuietHours(IOptions<NotificationOptions> options)
{
    private readonly TimeOnly _from = options.Value.QuietFrom;
    private readonly TimeOnly _until = options.Value.QuietUntil;
    private readonly TimeZoneInfo _zone = TimeZoneInfo.FindSystemTimeZoneById(options.Value.TimeZone);

    /// <summary>When the quiet hours end that a moment lies in; null if it lies in none.</summary>
    public DateTimeOffset? EndAt(DateTimeOffset moment)
    {
        var local = TimeZoneInfo.ConvertTime(moment, _zone);

        // True for every time from the first to the second, over midnight too; never, if they are equal.
        if (!TimeOnly.FromDateTime(local.DateTime).IsBetween(_from, _until))
        {
            return null;
        }

        var end = local.Date + _until.ToTimeSpan();
        end = end <= local.DateTime ? end.AddDays(1) : end;

        // Where clocks are set forward, that time does not exist, and the quiet hours end when it would have been.
        var offset = _zone.IsInvalidTime(end) ? local.Offset : _zone.GetUtcOffset(end);
        return new DateTimeOffset(end, offset).ToUniversalTime();
    }
}
