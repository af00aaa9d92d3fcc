using System.Collections.Frozen;
using PointSystem.Domain.Policies;
using PointSystem.Locking;

namespace PointSystem.Api.Configuration;

/// <summary>The stored values at one moment, with defaults for keys that are not stored.</summary>
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
            RefusesDuplicateOrders = ReadKnown(ConfigKeys.OnDuplicateOrder) == ConfigKeys.Refuse,
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

    /// <summary>The limits on points.</summary>
    public PointPolicy Policy { get; }

    /// <summary>The lock modes of writes.</summary>
    public LockModes LockModes { get; }

    /// <summary>How far the business clock is ahead of real time. <see cref="RulesProvider"/> ignores it in production.</summary>
    public TimeSpan ClockOffset { get; }

    /// <summary>The value of a key: the stored one, otherwise the default.</summary>
    public string this[ConfigKey key] => _stored.GetValueOrDefault(key.Name, key.Default);

    // An invalid value, written to the table by hand, counts as the default: every mode is correct, they differ only in speed.
    private LockMode? Mode(string name) => LockModes.ByName.TryGetValue(this[Keys[name]], out var mode) ? mode : null;

    private long Whole(string name)
    {
        var text = this[Keys[name]];
        return ConfigKeys.TryReadWhole(text, out var value) ? value : throw InvalidValue(name, text);
    }

    private string ReadKnown(string name)
    {
        var text = this[Keys[name]];
        return Keys[name].FindFault(text) is null ? text : throw InvalidValue(name, text);
    }

    // The API writes only validated values, so somebody edited the table. Guessing a value could give points away; failing cannot.
    private static InvalidOperationException InvalidValue(string name, string text) =>
        new($"point_configs holds '{text}' for {name}, which is not a valid value; correct it in the database.");
}
