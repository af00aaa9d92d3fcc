namespace PointSystem.Bench.Stats;

/// <summary>Nearest-rank percentiles: always a measured value.</summary>
internal static class Percentile
{
    /// <summary>The smallest value that at least <paramref name="percent"/> % of the values do not exceed.</summary>
    /// <param name="sorted">Ascending values, at least one.</param>
    /// <param name="percent">Above 0, at most 100.</param>
    public static T Of<T>(ReadOnlySpan<T> sorted, double percent)
    {
        if (sorted.IsEmpty)
        {
            throw new ArgumentException("There is no percentile without values.", nameof(sorted));
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);

        // In decimal: as double, 99.9 % of 1,000 values would be 999.0000000000001, which rounds up to the last value.
        var rank = (int)Math.Ceiling(sorted.Length * (decimal)percent / 100);
        return sorted[Math.Max(rank, 1) - 1];
    }

    /// <summary>Returns the middle value; for an even number of values, the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0
            ? throw new ArgumentException("There is no median without values.", nameof(values))
            : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
