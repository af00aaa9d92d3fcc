using System.Collections.Frozen;
using PointSystem.Locking;

namespace PointSystem.Api.Configuration;

/// <summary>How writes are put in order, as configured; null leaves it to what stands above.</summary>
internal sealed record LockModes
{
    /// <summary>The modes by name.</summary>
    public static IReadOnlyDictionary<string, LockMode> ByName { get; } =
        Enum.GetValues<LockMode>().ToFrozenDictionary(NameOf, StringComparer.OrdinalIgnoreCase);

    /// <summary>The names of all modes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<LockMode>().Select(NameOf)];

    /// <summary>For every operation without a mode of its own; null: as the option <c>Locking:Mode</c> says.</summary>
    public LockMode? General { get; init; }

    public LockMode? Use { get; init; }

    public LockMode? Accumulate { get; init; }

    public LockMode? Cancel { get; init; }

    public LockMode? Transfer { get; init; }

    /// <summary>Percentage of members for whom these modes hold, 0 … 100; the others' writes go by <see cref="LockMode.Row"/>.</summary>
    public int CanaryPercent { get; init; } = 100;

    /// <summary>The name of a mode, as it is configured and shown.</summary>
    public static string NameOf(LockMode mode) => mode.ToString().ToLowerInvariant();
}
