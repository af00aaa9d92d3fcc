namespace PointSystem.Domain.Policies;

/// <summary>"Now" for the rules of points: the instant and the date it falls on in the business time zone.</summary>
/// <remarks>The instant is truncated to microseconds, the stored precision, so that an answer equals what is read back later.</remarks>
public readonly record struct BusinessMoment
{
    public BusinessMoment(DateTimeOffset now, TimeZoneInfo zone)
    {
        ArgumentNullException.ThrowIfNull(zone);
        Now = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
        Today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime);
    }

    /// <summary>The instant, in UTC.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>The business date. A lot whose expiration date is today is still usable.</summary>
    public DateOnly Today { get; }
}
