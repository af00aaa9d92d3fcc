namespace PointSystem.Bench.Stats;

/// <summary>Percentiles by the nearest rank: always a value that was measured.</summary>
internal static class Percentile
{
    /// <summary>The smallest value that at least <paramref name="percent"/> % of the values do not exceed.</summary>
    /// <param name="sorted">Ascending; at least one.</param>
    /// <param name="percent">Above 0, at most 100.</param>
    public static T Of<T>(ReadOnlySpan<T> sorted, double percent)
    {
        if (sorted.IsEmpty)
        {
            throw new ArgumentException("There is no percentile of nothing.", nameof(sorted));
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);

        // In decimal, lest 99.9 % of 1,000 values become 999.0000000000001 and with that the last one.
        var rank = (int)Math.Ceiling(sorted.Length * (decimal)percent / 100);
        return sorted[Math.Max(rank, 1) - 1];
    }

    /// <summary>The middle value; of an even number, the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0
            ? throw new ArgumentException("There is no median of nothing.", nameof(values))
            : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
