using System.Collections.Frozen;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Configuration;

/// <summary>The stored values at one moment, with the defaults for what is not stored.</summary>
internal sealed class ConfigValues
{
    private readonly FrozenDictionary<string, string> _stored;

    public ConfigValues(IEnumerable<KeyValuePair<string, string>> stored)
    {
        _stored = stored.ToFrozenDictionary(StringComparer.Ordinal);
        Policy = new PointPolicy
        {
            MaxAccumulationAmountPerTime = Whole(ConfigKeys.MaxAccumulation),
            MaxBalancePerMember = Whole(ConfigKeys.MaxBalance),
            DefaultExpirationDays = checked((int)Whole(ConfigKeys.DefaultExpirationDays)),
            MinExpirationDays = checked((int)Whole(ConfigKeys.MinExpirationDays)),
            MaxExpirationDays = checked((int)Whole(ConfigKeys.MaxExpirationDays)),
        };
        ClockOffset = TimeSpan.FromDays(Math.Clamp(Whole(ConfigKeys.ClockOffsetDays), 0, ConfigKeys.ClockOffsetDaysMax));
    }

    /// <summary>The limits.</summary>
    public PointPolicy Policy { get; }

    /// <summary>How far the business clock runs ahead; for <see cref="RulesProvider"/>, which leaves it out in production.</summary>
    public TimeSpan ClockOffset { get; }

    /// <summary>The value of a key, stored or default.</summary>
    public string this[ConfigKey key] => _stored.GetValueOrDefault(key.Name, key.Default);

    private long Whole(string name)
    {
        var text = this[ConfigKeys.All.Single(key => key.Name == name)];

        // Only validated values are written, so somebody wrote to the table by hand. Going by a guess could hand out points; stopping cannot.
        return ConfigKeys.TryReadWhole(text, out var value)
            ? value
            : throw new InvalidOperationException($"point_configs holds '{text}' for {name}, which is no whole number; put it right in the database.");
    }
}
