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

/// <summary>Every key there is. <see cref="PointPolicy.FindViolation"/> says what the values must be together.</summary>
internal static class ConfigKeys
{
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
        new(ClockOffsetDays, "0", "Days that the business clock runs ahead (not in production)", Whole(ClockOffsetDays, 0, ClockOffsetDaysMax))
        {
            InProduction = false,
        },
        Limit(PolicyLimit.DefaultExpirationDays),
        new(LockCanaryPercent, "100", "Percentage of members whose writes go by the lock modes; the others' go by 'row'", Whole(LockCanaryPercent, 0, 100)),
        new(
            LockMode,
            ByDefault,
            "How writes are put in order: distributed, adaptive, row, or default (as each replica's option Locking:Mode says)",
            Mode(LockMode)),
        new(LockModeOfAccumulate, ByDefault, "Lock mode of accumulating; default = LOCKING_MODE", Mode(LockModeOfAccumulate)),
        new(LockModeOfCancel, ByDefault, "Lock mode of cancelling; default = LOCKING_MODE", Mode(LockModeOfCancel)),
        new(LockModeOfTransfer, ByDefault, "Lock mode of transferring; default = LOCKING_MODE", Mode(LockModeOfTransfer)),
        new(LockModeOfUse, ByDefault, "Lock mode of using points; default = LOCKING_MODE", Mode(LockModeOfUse)),
        Limit(PolicyLimit.MaxAccumulation),
        Limit(PolicyLimit.MaxBalance),
        Limit(PolicyLimit.MaxExpirationDays),
        Limit(PolicyLimit.MinExpirationDays),
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

    private static ConfigKey Limit(PolicyLimit limit) => new(limit.Key, limit.DefaultText, limit.Description, Whole(limit.Key, 1, limit.Max));

    private static Func<string, string?> Mode(string name) => text =>
        text == ByDefault || LockModes.Names.Contains(text) ? null : $"{name} must be {string.Join(", ", LockModes.Names)} or {ByDefault}.";

    private static Func<string, string?> Whole(string name, long min, long max) => text =>
        TryReadWhole(text, out var value) && value >= min && value <= max ? null : $"{name} must be a whole number from {min} to {max}, in digits alone.";
}
