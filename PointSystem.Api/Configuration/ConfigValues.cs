using System.Collections.Frozen;
using PointSystem.Domain.Policies;
using PointSystem.Locking;

namespace PointSystem.Api.Configuration;

/// <summary>The stored values at one moment, with the defaults for what is not stored.</summary>
internal sealed class ConfigValues
{
    private static readonly FrozenDictionary<string, ConfigKey> Keys = ConfigKeys.All.ToFrozenDictionary(key => key.Name, StringComparer.Ordinal);

    private readonly FrozenDictionary<string, string> _stored;

    public ConfigValues(IEnumerable<KeyValuePair<string, string>> stored)
    {
        _stored = stored.ToFrozenDictionary(StringComparer.Ordinal);
        Policy = new PointPolicy
        {
            MaxAccumulationAmountPerTime = Whole(PolicyLimit.MaxAccumulation.Key),
            MaxBalancePerMember = Whole(PolicyLimit.MaxBalance.Key),
            DefaultExpirationDays = checked((int)Whole(PolicyLimit.DefaultExpirationDays.Key)),
            MinExpirationDays = checked((int)Whole(PolicyLimit.MinExpirationDays.Key)),
            MaxExpirationDays = checked((int)Whole(PolicyLimit.MaxExpirationDays.Key)),
            RefusesDuplicateOrders = Known(ConfigKeys.OnDuplicateOrder) == ConfigKeys.Refuse,
        };
        LockModes = new LockModes
        {
            General = Mode(ConfigKeys.LockMode),
            Use = Mode(ConfigKeys.LockModeOfUse),
            Accumulate = Mode(ConfigKeys.LockModeOfAccumulate),
            Cancel = Mode(ConfigKeys.LockModeOfCancel),
            Transfer = Mode(ConfigKeys.LockModeOfTransfer),
            CanaryPercent = (int)Math.Clamp(Whole(ConfigKeys.LockCanaryPercent), 0, 100),
        };
        ClockOffset = TimeSpan.FromDays(Math.Clamp(Whole(ConfigKeys.ClockOffsetDays), 0, ConfigKeys.ClockOffsetDaysMax));
    }

    /// <summary>The limits.</summary>
    public PointPolicy Policy { get; }

    /// <summary>How writes are put in order.</summary>
    public LockModes LockModes { get; }

    /// <summary>How far the business clock runs ahead; for <see cref="RulesProvider"/>, which leaves it out in production.</summary>
    public TimeSpan ClockOffset { get; }

    /// <summary>The value of a key, stored or default.</summary>
    public string this[ConfigKey key] => _stored.GetValueOrDefault(key.Name, key.Default);

    // A value that was written by hand and that means nothing leaves it to the default: every mode is right, they differ in speed.
    private LockMode? Mode(string name) => LockModes.ByName.TryGetValue(this[Keys[name]], out var mode) ? mode : null;

    private long Whole(string name)
    {
        var text = this[Keys[name]];
        return ConfigKeys.TryReadWhole(text, out var value) ? value : throw Meaningless(name, text);
    }

    private string Known(string name)
    {
        var text = this[Keys[name]];
        return Keys[name].FindFault(text) is null ? text : throw Meaningless(name, text);
    }

    // Only validated values are written, so the table was written to by hand. Going by a guess could hand out points; stopping cannot.
    private static InvalidOperationException Meaningless(string name, string text) =>
        new($"point_configs holds '{text}' for {name}, which means nothing; correct it in the database.");
}
