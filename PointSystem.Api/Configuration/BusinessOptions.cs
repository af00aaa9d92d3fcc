namespace PointSystem.Api.Configuration;

/// <summary>What the business calendar goes by.</summary>
internal sealed class BusinessOptions
{
    public const string SectionName = "Business";

    /// <summary>IANA id of the zone whose midnight begins a business day. Default Asia/Seoul.</summary>
    public string TimeZone { get; set; } = "Asia/Seoul";

    /// <summary>The zone itself.</summary>
    /// <exception cref="TimeZoneNotFoundException">The machine knows no such zone; validated at start.</exception>
    public TimeZoneInfo Zone() => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);
}
