using System.Globalization;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>A value that can be changed at run time.</summary>
/// <param name="Name">The key, as stored and as used in routes.</param>
/// <param name="Default">The value in effect while none is stored.</param>
/// <param name="Description">What it means.</param>
/// <param name="FindFault">Returns the rule that a value violates on its own, as a sentence; null when it is valid.</param>
internal sealed record ConfigKey(string Name, string Default, string Description, Func<string, string?> FindFault)
{
    /// <summary>False for a key that exists only outside production.</summary>
    public bool InProduction { get; init; } = true;
}

/// <summary>All keys. <see cref="PointPolicy.FindViolation"/> checks the rules between several values.</summary>
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

    /// <summary>
    /// The value of a lock mode that is not set: an operation then uses LOCKING_MODE, and LOCKING_MODE uses the option Locking:Mode.
    /// </summary>
    public const string DefaultMode = "default";

    /// <summary>Maximum shift of the business clock, in days.</summary>
    public const int ClockOffsetDaysMax = 3650;

    /// <summary>The keys, ordered by name.</summary>
    public static IReadOnlyList<ConfigKey> All { get; } =
    [
        new(ClockOffsetDays, "0", "Days by which the business clock is ahead of real time (not in production)", Whole(ClockOffsetDays, 0, ClockOffsetDaysMax))
        {
            InProduction = false,
        },
        Limit(PolicyLimit.DefaultExpirationDays),
        new(
            LockCanaryPercent,
            "100",
            "Percentage of members whose writes use the configured lock modes; writes of the other members use 'row'",
            Whole(LockCanaryPercent, 0, 100)),
        new(
            LockMode,
            DefaultMode,
            "How writes are serialized: distributed, adaptive, row, or default (the option Locking:Mode of each replica)",
            Mode(LockMode)),
        new(LockModeOfAccumulate, DefaultMode, "Lock mode of accumulations; default = LOCKING_MODE", Mode(LockModeOfAccumulate)),
        new(LockModeOfCancel, DefaultMode, "Lock mode of cancellations; default = LOCKING_MODE", Mode(LockModeOfCancel)),
        new(LockModeOfTransfer, DefaultMode, "Lock mode of transfers; default = LOCKING_MODE", Mode(LockModeOfTransfer)),
        new(LockModeOfUse, DefaultMode, "Lock mode of usages; default = LOCKING_MODE", Mode(LockModeOfUse)),
        Limit(PolicyLimit.MaxAccumulation),
        Limit(PolicyLimit.MaxBalance),
        Limit(PolicyLimit.MaxExpirationDays),
        Limit(PolicyLimit.MinExpirationDays),
        new(
            OnDuplicateOrder,
            Allow,
            "ALLOW: an order can have several usages. REFUSE: an order of a member has one usage until that is fully cancelled",
            text => text is Allow or Refuse ? null : $"{OnDuplicateOrder} must be {Allow} or {Refuse}."),
    ];

    /// <summary>The key with exactly this name; null when this environment has none.</summary>
    public static ConfigKey? Find(string name, IHostEnvironment environment) =>
        All.FirstOrDefault(key => key.Name == name && (key.InProduction || !environment.IsProduction()));

    /// <summary>Reads a whole number in its only accepted spelling: digits, an optional minus sign, no leading zero.</summary>
    public static bool TryReadWhole(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
        && value.ToString(CultureInfo.InvariantCulture) == text;

    private static ConfigKey Limit(PolicyLimit limit) => new(limit.Key, limit.DefaultText, limit.Description, Whole(limit.Key, 1, limit.Max));

    private static Func<string, string?> Mode(string name) => text =>
        text == DefaultMode || LockModes.Names.Contains(text) ? null : $"{name} must be {string.Join(", ", LockModes.Names)} or {DefaultMode}.";

    private static Func<string, string?> Whole(string name, long min, long max) => text =>
        TryReadWhole(text, out var value) && value >= min && value <= max ? null : $"{name} must be a whole number from {min} to {max}, digits only.";
}
