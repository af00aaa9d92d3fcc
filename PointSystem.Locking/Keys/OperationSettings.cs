using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace PointSystem.Locking.Keys;

/// <summary>
/// Settings of single operations from <c>Locking:Operations:{operation}:WaitSeconds</c>, <c>…:LeaseSeconds</c> and <c>…:OnLockTimeout</c>.
/// An operation's name contains colons, which configuration reads as levels, so the names are looked up as paths instead of being bound
/// to a dictionary.
/// </summary>
internal sealed class OperationSettings(IConfiguration configuration)
{
    public const string Path = LockingOptions.SectionName + ":Operations";

    private const string OnLockTimeout = nameof(LockingOptions.OnLockTimeout);

    private static readonly string[] Names = ["WaitSeconds", "LeaseSeconds", OnLockTimeout];

    /// <summary>Returns the attribute's values, overridden by configuration and checked against the general options.</summary>
    public LockOptions Apply(DistributedLockAttribute attribute, string operation, LockingOptions general)
    {
        var section = configuration.GetSection($"{Path}:{operation}");
        var wait = Read(section, "WaitSeconds") ?? attribute.WaitSeconds;
        var lease = Read(section, "LeaseSeconds") ?? attribute.LeaseSeconds;
        return LockOptionsRules.Check(
            wait is >= 0 and <= 86_400 ? TimeSpan.FromSeconds(wait) : TimeSpan.MinValue,
            lease is >= 0 and <= 86_400 ? TimeSpan.FromSeconds(lease) : TimeSpan.MinValue,
            operation, general) with { OnTimeout = ReadAction(section) ?? general.OnLockTimeout };
    }

    /// <summary>Throws for a misspelt operation or setting, which would otherwise be ignored silently.</summary>
    public void ThrowIfUnknown(IEnumerable<string> operations)
    {
        var known = operations.ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var (path, value) in configuration.GetSection(Path).AsEnumerable(makePathsRelative: true))
        {
            var last = path.LastIndexOf(':');
            if (value is null)
            {
                continue;
            }
            if (last < 0 || !known.Contains(path[..last]) || !Names.Contains(path[(last + 1)..], StringComparer.OrdinalIgnoreCase))
            {
                throw new InvalidOperationException(
                    $"{Path}:{path} is not a lock setting. "
                    + $"Operations: {string.Join(", ", known.Order(StringComparer.Ordinal))}; settings: {string.Join(", ", Names)}.");
            }
        }
    }

    private static LockTimeoutAction? ReadAction(IConfigurationSection section)
    {
        var text = section[OnLockTimeout];
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }
        // Enum.TryParse would take numbers as well.
        var names = Enum.GetNames<LockTimeoutAction>();
        return names.Contains(text, StringComparer.OrdinalIgnoreCase)
            ? Enum.Parse<LockTimeoutAction>(text, ignoreCase: true)
            : throw new InvalidOperationException($"{section.Path}:{OnLockTimeout} must be {string.Join(" or ", names)}, but is \"{text}\".");
    }

    private static double? Read(IConfigurationSection section, string name)
    {
        var text = section[name];
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : throw new InvalidOperationException($"{section.Path}:{name} must be a number of seconds, but is \"{text}\".");
    }
}
