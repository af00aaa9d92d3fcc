using System.Diagnostics;
using PointSystem.Bench.Load;

namespace PointSystem.Bench.Stats;

/// <summary>A part of a load between two moments, such as the time without a replica.</summary>
internal sealed record Phase(double PerSecond, double P50, double P99, double Max)
{
    /// <param name="recordings">The measurements of all callers.</param>
    /// <param name="from">Begin, in stopwatch ticks.</param>
    /// <param name="to">End, in stopwatch ticks.</param>
    public static Phase Between(IReadOnlyList<Recording> recordings, long from, long to)
    {
        var sorted = Recording.Between(recordings, from, to);
        return sorted.Length == 0
            ? new Phase(0, double.NaN, double.NaN, double.NaN)
            : new Phase(
                sorted.Length / Stopwatch.GetElapsedTime(from, to).TotalSeconds,
                Percentile.Of<double>(sorted, 50), Percentile.Of<double>(sorted, 99), sorted[^1]);
    }

    /// <summary>The figures of a phase over several rounds, by column.</summary>
    public static Dictionary<string, Spread> Figures(IReadOnlyList<Phase> rounds) => new()
    {
        ["perSecond"] = Spread.Of(rounds.Select(round => round.PerSecond)),
        ["p50"] = Spread.Of(rounds.Select(round => round.P50)),
        ["p99"] = Spread.Of(rounds.Select(round => round.P99)),
        ["max"] = Spread.Of(rounds.Select(round => round.Max)),
    };
}
