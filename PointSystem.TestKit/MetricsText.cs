using System.Globalization;

namespace PointSystem.TestKit;

/// <summary>Reads what <c>/metrics</c> answers.</summary>
public static class MetricsText
{
    /// <summary>The sum of the series of a counter that have a label; 0 if there is none.</summary>
    /// <param name="metrics">The text, in the format of Prometheus.</param>
    /// <param name="counter">The whole name of the counter.</param>
    /// <param name="label">A label with its value, like <c>source="cache"</c>; empty for all series.</param>
    public static long Sum(string metrics, string counter, string label = "") => metrics.Split('\n')
        .Where(line => line.StartsWith(counter + "{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
        .Sum(line => long.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
}
