namespace PointSystem.Api.Configuration;

/// <summary>Options of the business calendar; section <c>Business</c>.</summary>
internal sealed class BusinessOptions
{
    public const string SectionName = "Business";

    /// <summary>IANA id of the time zone in which a business day starts at midnight. Default Asia/Seoul.</summary>
    public string TimeZone { get; set; } = "Asia/Seoul";

    /// <summary>The time zone with the id <see cref="TimeZone"/>.</summary>
    /// <exception cref="TimeZoneNotFoundException">The machine does not know the time zone. Validated at start.</exception>
    public TimeZoneInfo Zone() => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);
}
