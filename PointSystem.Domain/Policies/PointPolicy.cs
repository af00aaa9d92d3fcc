namespace PointSystem.Domain.Policies;

/// <summary>The limits in force for one command (docs/rules.md, "Configuration"). Immutable; read fresh for every transaction.</summary>
public sealed record PointPolicy
{
    /// <summary>Upper end of every point limit, in points.</summary>
    public const long PointsMax = 1_000_000_000_000;

    /// <summary>Upper end of every expiration period, in days: less than five years.</summary>
    public const int ExpirationDaysLimit = 1824;

    /// <summary>The values a new installation starts with.</summary>
    public static PointPolicy Default { get; } = new();

    /// <summary>Maximum points of one accumulation, 1 … 10^12. Default 100,000.</summary>
    public long MaxAccumulationAmountPerTime { get; init; } = PolicyLimit.MaxAccumulation.Default;

    /// <summary>Maximum live points a member may reach by accumulating or receiving, 1 … 10^12. Default 10,000,000.</summary>
    public long MaxBalancePerMember { get; init; } = PolicyLimit.MaxBalance.Default;

    /// <summary>Days until a lot expires when nothing is said, MIN … MAX. Default 365.</summary>
    public int DefaultExpirationDays { get; init; } = (int)PolicyLimit.DefaultExpirationDays.Default;

    /// <summary>Minimum days until expiry that may be asked for, 1 … 1824 and below MAX. Default 1.</summary>
    public int MinExpirationDays { get; init; } = (int)PolicyLimit.MinExpirationDays.Default;

    /// <summary>Maximum days until expiry that may be asked for, 1 … 1824. Default 1824.</summary>
    public int MaxExpirationDays { get; init; } = (int)PolicyLimit.MaxExpirationDays.Default;

    /// <summary>
    /// Whether an order may have one standing usage only: a use for an order of the member that has a usage not wholly cancelled is refused.
    /// Default false: each use is a usage of its own.
    /// </summary>
    public bool RefusesDuplicateOrders { get; init; }

    /// <summary>The first rule that these values break together, as a sentence; null when they hold.</summary>
    public string? FindViolation() =>
        PolicyLimit.MaxAccumulation.FindFault(MaxAccumulationAmountPerTime)
        ?? PolicyLimit.MaxBalance.FindFault(MaxBalancePerMember)
        ?? PolicyLimit.MinExpirationDays.FindFault(MinExpirationDays)
        ?? PolicyLimit.MaxExpirationDays.FindFault(MaxExpirationDays)
        ?? FindContradiction();

    private string? FindContradiction()
    {
        var (min, max, given) = (PolicyLimit.MinExpirationDays.Key, PolicyLimit.MaxExpirationDays.Key, PolicyLimit.DefaultExpirationDays.Key);
        if (MinExpirationDays >= MaxExpirationDays)
        {
            return $"{min} ({MinExpirationDays}) must be below {max} ({MaxExpirationDays}).";
        }

        return DefaultExpirationDays < MinExpirationDays || DefaultExpirationDays > MaxExpirationDays
            ? $"{given} ({DefaultExpirationDays}) must be from {min} ({MinExpirationDays}) to {max} ({MaxExpirationDays})."
            : null;
    }
}
