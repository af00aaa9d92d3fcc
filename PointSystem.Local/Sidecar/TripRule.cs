using System.Globalization;
using System.Text.RegularExpressions;

namespace PointSystem.Local.Sidecar;

/// <summary>What a breaker has counted in its current generation.</summary>
internal readonly record struct BreakerCounts(
    int Requests, int TotalSuccesses, int TotalFailures, int ConsecutiveSuccesses, int ConsecutiveFailures)
{
    public BreakerCounts Succeeded() =>
        this with { TotalSuccesses = TotalSuccesses + 1, ConsecutiveSuccesses = ConsecutiveSuccesses + 1, ConsecutiveFailures = 0 };

    public BreakerCounts Failed() =>
        this with { TotalFailures = TotalFailures + 1, ConsecutiveFailures = ConsecutiveFailures + 1, ConsecutiveSuccesses = 0 };
}

/// <summary>
/// A breaker's <c>trip</c>: daprd accepts any CEL expression, this program one comparison such as <c>consecutiveFailures &gt;= 5</c>.
/// </summary>
internal sealed partial class TripRule
{
    private readonly Func<BreakerCounts, bool> _fires;

    private TripRule(Func<BreakerCounts, bool> fires) => _fires = fires;

    /// <summary>daprd's default rule: <c>consecutiveFailures &gt; 5</c>.</summary>
    public static TripRule Default { get; } = new(counts => counts.ConsecutiveFailures > 5);

    /// <exception cref="SidecarStartException">The expression is more than one comparison.</exception>
    public static TripRule Parse(string expression)
    {
        if (string.IsNullOrWhiteSpace(expression))
        {
            return Default;
        }
        var match = Comparison().Match(expression);
        if (!match.Success)
        {
            throw new SidecarStartException(
                $"circuit breaker trip '{expression}': this stand-in supports one comparison such as 'consecutiveFailures >= 5'.");
        }
        var limit = int.Parse(match.Groups["limit"].Value, CultureInfo.InvariantCulture);
        Func<BreakerCounts, int> count = match.Groups["count"].Value switch
        {
            "requests" => c => c.Requests,
            "totalSuccesses" => c => c.TotalSuccesses,
            "totalFailures" => c => c.TotalFailures,
            "consecutiveSuccesses" => c => c.ConsecutiveSuccesses,
            _ => c => c.ConsecutiveFailures,
        };
        return match.Groups["operator"].Value switch
        {
            ">" => new(c => count(c) > limit),
            ">=" => new(c => count(c) >= limit),
            _ => new(c => count(c) == limit),
        };
    }

    /// <summary>Whether a failure with these counts opens the breaker.</summary>
    public bool Fires(BreakerCounts counts) => _fires(counts);

    [GeneratedRegex(
        @"^\s*(?<count>requests|totalSuccesses|totalFailures|consecutiveSuccesses|consecutiveFailures)\s*(?<operator>>=|>|==)\s*(?<limit>\d{1,9})\s*$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Comparison();
}
