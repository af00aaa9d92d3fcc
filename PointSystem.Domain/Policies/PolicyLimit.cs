using System.Globalization;

namespace PointSystem.Domain.Policies;

/// <summary>One limit of <see cref="PointPolicy"/> as it is published and configured.</summary>
/// <param name="Key">Its name. Published: never rename one.</param>
/// <param name="Default">The value a new installation starts with.</param>
/// <param name="Max">Upper end of its range, which starts at 1.</param>
/// <param name="Description">What it means, in a few words.</param>
public sealed record PolicyLimit(string Key, long Default, long Max, string Description)
{
    public static PolicyLimit MaxAccumulation { get; } =
        new("MAX_ACCUMULATION_AMOUNT_PER_TIME", 100_000, PointPolicy.PointsMax, "Most points of one accumulation");

    public static PolicyLimit MaxBalance { get; } =
        new("MAX_BALANCE_PER_MEMBER", 10_000_000, PointPolicy.PointsMax, "Most live points a member may reach by accumulating or receiving");

    public static PolicyLimit DefaultExpirationDays { get; } =
        new("DEFAULT_EXPIRATION_DAYS", 365, PointPolicy.ExpirationDaysLimit, "Days until a lot expires when nothing is said");

    public static PolicyLimit MinExpirationDays { get; } =
        new("MIN_EXPIRATION_DAYS", 1, PointPolicy.ExpirationDaysLimit, "Fewest days until expiry that may be asked for");

    public static PolicyLimit MaxExpirationDays { get; } =
        new("MAX_EXPIRATION_DAYS", PointPolicy.ExpirationDaysLimit, PointPolicy.ExpirationDaysLimit, "Most days until expiry that may be asked for");

    public static IReadOnlyList<PolicyLimit> All { get; } = [MaxAccumulation, MaxBalance, DefaultExpirationDays, MinExpirationDays, MaxExpirationDays];

    /// <summary><see cref="Default"/> as it is stored.</summary>
    public string DefaultText => Default.ToString(CultureInfo.InvariantCulture);

    /// <summary>A sentence for a value outside the range; null for one within it.</summary>
    internal string? FindFault(long value) => value < 1 || value > Max ? $"{Key} must be from 1 to {Max}." : null;
}
