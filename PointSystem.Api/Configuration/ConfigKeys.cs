using System.Globalization;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>A value that can be changed at run time.</summary>
/// <param name="Name">The key, as stored and as in routes.</param>
/// <param name="Default">The value in force while nothing is stored.</param>
/// <param name="Description">What it means.</param>
/// <param name="FindFault">The rule that a value breaks by itself, as a sentence; null when it breaks none.</param>
internal sealed record ConfigKey(string Name, string Default, string Description, Func<string, string?> FindFault)
{
    /// <summary>False for what exists outside production only.</summary>
    public bool InProduction { get; init; } = true;
}

/// <summary>Every key there is. What a key's values must be together is <see cref="PointPolicy.FindViolation"/>'s to say.</summary>
internal static class ConfigKeys
{
    public const string MaxAccumulation = "MAX_ACCUMULATION_AMOUNT_PER_TIME";
    public const string MaxBalance = "MAX_BALANCE_PER_MEMBER";
    public const string DefaultExpirationDays = "DEFAULT_EXPIRATION_DAYS";
    public const string MinExpirationDays = "MIN_EXPIRATION_DAYS";
    public const string MaxExpirationDays = "MAX_EXPIRATION_DAYS";
    public const string OnDuplicateOrder = "ON_DUPLICATE_ORDER";
    public const string ClockOffsetDays = "CLOCK_OFFSET_DAYS";

    public const string LockMode = "LOCKING_MODE";
    public const string LockModeOfUse = "LOCKING_MODE_USE";
    public const string LockModeOfAccumulate = "LOCKING_MODE_ACCUMULATE";
    public const string LockModeOfCancel = "LOCKING_MODE_CANCEL";
    public const string LockModeOfTransfer = "LOCKING_MODE_TRANSFER";
    public const string LockCanaryPercent = "LOCKING_CANARY_PERCENT";

    /// <summary>Values of ON_DUPLICATE_ORDER.</summary>
    public const string Allow = "ALLOW";
    public const string Refuse = "REFUSE";

    /// <summary>The value of a lock mode that leaves it to what stands above: an operation's to LOCKING_MODE, that to the option Locking:Mode.</summary>
    public const string ByDefault = "default";

    /// <summary>Furthest the business clock can be shifted, in days.</summary>
    public const int ClockOffsetDaysMax = 3650;

    /// <summary>The keys in the order of their names.</summary>
    public static IReadOnlyList<ConfigKey> All { get; } =
    [
        new(ClockOffsetDays, "0", "Days that the business clock runs ahead (not in production)", Whole(ClockOffsetDays, 0, ClockOffsetDaysMax)) { InProduction = false },
        new(DefaultExpirationDays, "365", "Days until a lot expires when nothing is said", Whole(DefaultExpirationDays, 1, PointPolicy.ExpirationDaysLimit)),
        new(LockCanaryPercent, "100", "Percentage of members whose writes go by the lock modes; the others' go by 'row'", Whole(LockCanaryPercent, 0, 100)),
        new(LockMode, ByDefault, "How writes are put in order: distributed, adaptive, row, or default (as each replica's option Locking:Mode says)", Mode(LockMode)),
        new(LockModeOfAccumulate, ByDefault, "Lock mode of accumulating; default = LOCKING_MODE", Mode(LockModeOfAccumulate)),
        new(LockModeOfCancel, ByDefault, "Lock mode of cancelling; default = LOCKING_MODE", Mode(LockModeOfCancel)),
        new(LockModeOfTransfer, ByDefault, "Lock mode of transferring; default = LOCKING_MODE", Mode(LockModeOfTransfer)),
        new(LockModeOfUse, ByDefault, "Lock mode of using points; default = LOCKING_MODE", Mode(LockModeOfUse)),
        new(MaxAccumulation, "100000", "Most points of one accumulation", Whole(MaxAccumulation, 1, PointPolicy.PointsMax)),
        new(MaxBalance, "10000000", "Most live points a member may reach by accumulating or receiving", Whole(MaxBalance, 1, PointPolicy.PointsMax)),
        new(MaxExpirationDays, "1824", "Most days until expiry that may be asked for", Whole(MaxExpirationDays, 1, PointPolicy.ExpirationDaysLimit)),
        new(MinExpirationDays, "1", "Fewest days until expiry that may be asked for", Whole(MinExpirationDays, 1, PointPolicy.ExpirationDaysLimit)),
        new(
            OnDuplicateOrder,
            Allow,
            "ALLOW: each use is a usage of its own. REFUSE: an order of a member has one usage until it is wholly cancelled",
            text => text is Allow or Refuse ? null : $"{OnDuplicateOrder} must be {Allow} or {Refuse}."),
    ];

    /// <summary>The key of that exact name; null when there is none in this environment.</summary>
    public static ConfigKey? Find(string name, IHostEnvironment environment) =>
        All.FirstOrDefault(key => key.Name == name && (key.InProduction || !environment.IsProduction()));

    /// <summary>The one spelling of a whole number: digits, no sign but minus, no leading zero.</summary>
    public static bool TryReadWhole(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
        && value.ToString(CultureInfo.InvariantCulture) == text;

    private static Func<string, string?> Mode(string name) => text =>
        text is "distributed" or "adaptive" or "row" or ByDefault ? null : $"{name} must be distributed, adaptive, row or default.";

    private static Func<string, string?> Whole(string name, long min, long max) => text =>
        TryReadWhole(text, out var value) && value >= min && value <= max ? null : $"{name} must be a whole number from {min} to {max}, in digits alone.";
}
