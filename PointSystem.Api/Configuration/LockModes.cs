using System.Collections.Frozen;
using PointSystem.Locking;

namespace PointSystem.Api.Configuration;

/// <summary>The configured lock modes; null means that no mode is set at this level.</summary>
internal sealed record LockModes
{
    /// <summary>The modes by name.</summary>
    public static IReadOnlyDictionary<string, LockMode> ByName { get; } =
        Enum.GetValues<LockMode>().ToFrozenDictionary(NameOf, StringComparer.OrdinalIgnoreCase);

    /// <summary>The names of all modes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<LockMode>().Select(NameOf)];

    /// <summary>The mode of operations that have no mode of their own; null: the option <c>Locking:Mode</c> decides.</summary>
    public LockMode? General { get; init; }

    public LockMode? Use { get; init; }

    public LockMode? Accumulate { get; init; }

    public LockMode? Cancel { get; init; }

    public LockMode? Transfer { get; init; }

    /// <summary>
    /// Percentage of members to which these modes apply, 0 … 100; writes of the other members use <see cref="LockMode.Row"/>.
    /// </summary>
    public int CanaryPercent { get; init; } = 100;

    /// <summary>The name of a mode in configuration and answers.</summary>
    public static string NameOf(LockMode mode) => mode.ToString().ToLowerInvariant();
}
