namespace PointSystem.Domain.Policies;

/// <summary>The limits in force for one command (docs/rules.md, "Configuration"). Immutable; read anew for every transaction.</summary>
public sealed record PointPolicy
{
    /// <summary>Upper bound of every point limit, in points.</summary>
    public const long PointsMax = 1_000_000_000_000;

    /// <summary>Upper bound of every expiration period, in days: less than five years.</summary>
    public const int ExpirationDaysLimit = 1824;

    /// <summary>The values of a new installation.</summary>
    public static PointPolicy Default { get; } = new();

    /// <summary>Maximum points of one accumulation, 1 … 10^12. Default 100,000.</summary>
    public long MaxAccumulationAmountPerTime { get; init; } = 100_000;

    /// <summary>Maximum live points that a member may reach by accumulating or receiving, 1 … 10^12. Default 10,000,000.</summary>
    public long MaxBalancePerMember { get; init; } = 10_000_000;

    /// <summary>Days until a lot expires if the request does not say otherwise, MIN … MAX. Default 365.</summary>
    public int DefaultExpirationDays { get; init; } = 365;

    /// <summary>Minimum days until expiry that may be requested, 1 … 1824 and below MAX. Default 1.</summary>
    public int MinExpirationDays { get; init; } = 1;

    /// <summary>Maximum days until expiry that may be requested, 1 … 1824. Default 1824.</summary>
    public int MaxExpirationDays { get; init; } = ExpirationDaysLimit;

    /// <summary>
    /// Whether an order may have only one usage that is not fully cancelled: if true, a further use for the same order of the member is
    /// refused. Default false: each use is a separate usage.
    /// </summary>
    public bool RefusesDuplicateOrders { get; init; }

    /// <summary>Returns the first rule that these values violate together, as a sentence; null when they are valid.</summary>
    public string? FindViolation()
    {
        if (MaxAccumulationAmountPerTime is < 1 or > PointsMax)
        {
            return $"MAX_ACCUMULATION_AMOUNT_PER_TIME must be from 1 to {PointsMax}.";
        }

        if (MaxBalancePerMember is < 1 or > PointsMax)
        {
            return $"MAX_BALANCE_PER_MEMBER must be from 1 to {PointsMax}.";
        }

        if (MinExpirationDays is < 1 or > ExpirationDaysLimit)
        {
            return $"MIN_EXPIRATION_DAYS must be from 1 to {ExpirationDaysLimit}.";
        }

        if (MaxExpirationDays is < 1 or > ExpirationDaysLimit)
        {
            return $"MAX_EXPIRATION_DAYS must be from 1 to {ExpirationDaysLimit}.";
        }

        if (MinExpirationDays >= MaxExpirationDays)
        {
            return $"MIN_EXPIRATION_DAYS ({MinExpirationDays}) must be below MAX_EXPIRATION_DAYS ({MaxExpirationDays}).";
        }

        return DefaultExpirationDays < MinExpirationDays || DefaultExpirationDays > MaxExpirationDays
            ? $"DEFAULT_EXPIRATION_DAYS ({DefaultExpirationDays}) must be from MIN_EXPIRATION_DAYS ({MinExpirationDays}) "
                + $"to MAX_EXPIRATION_DAYS ({MaxExpirationDays})."
            : null;
    }
}
