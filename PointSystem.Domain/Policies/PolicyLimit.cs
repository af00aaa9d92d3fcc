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
        new("MAX_ACCUMULATION_AMOUNT_PER_TIME", 100_000, PointPolicy.PointsMax, "Maximum points of one accumulation");

    public static PolicyLimit MaxBalance { get; } =
        new("MAX_BALANCE_PER_MEMBER", 10_000_000, PointPolicy.PointsMax, "Maximum live points that a member may reach by accumulating or receiving");

    public static PolicyLimit DefaultExpirationDays { get; } =
        new("DEFAULT_EXPIRATION_DAYS", 365, PointPolicy.ExpirationDaysLimit, "Days until an accumulation expires if the request does not say otherwise");

    public static PolicyLimit MinExpirationDays { get; } =
        new("MIN_EXPIRATION_DAYS", 1, PointPolicy.ExpirationDaysLimit, "Minimum days until expiry that may be requested");

    public static PolicyLimit MaxExpirationDays { get; } =
        new("MAX_EXPIRATION_DAYS", PointPolicy.ExpirationDaysLimit, PointPolicy.ExpirationDaysLimit, "Maximum days until expiry that may be requested");

    public static IReadOnlyList<PolicyLimit> All { get; } = [MaxAccumulation, MaxBalance, DefaultExpirationDays, MinExpirationDays, MaxExpirationDays];

    /// <summary><see cref="Default"/> as it is stored.</summary>
    public string DefaultText => Default.ToString(CultureInfo.InvariantCulture);

    /// <summary>A sentence for a value outside the range; null for one within it.</summary>
    internal string? FindFault(long value) => value < 1 || value > Max ? $"{Key} must be from 1 to {Max}." : null;
}
