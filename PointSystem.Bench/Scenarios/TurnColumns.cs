using PointSystem.Bench.Contenders;
using PointSystem.Bench.Host;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Converts the turns of a contender into a row of figures.</summary>
internal static class TurnColumns
{
    private static readonly string[] Parts = ["gateway", "api", "postgres", "sidecars", "redis", "load"];

    /// <summary>Processor time for each request.</summary>
    public static IReadOnlyList<Column> Processors { get; } = [.. Parts.Select(part => new Column("cpu." + part, $"µs {part}", 0))];

    public static IReadOnlyList<Column> All { get; } =
    [
        new("perSecond", "requests/s", 0, WithSpread: true),
        new("ratio", "to row", 2, WithSpread: true),
        new("limit", "% of the limit", 0, WithSpread: true),
        new("mean", "mean ms", 1),
        new("p50", "p50 ms", 1, WithSpread: true),
        new("p95", "p95 ms", 1),
        new("p99", "p99 ms", 1, WithSpread: true),
        new("errors", "errors", 0),
        new("transactions", "transactions for 1,000", 0),
        new("attempts", "lock attempts for 1,000", 0),
        new("releases", "lock releases for 1,000", 0),
        .. Processors,
        new("straight", "straight to the replicas, requests/s", 0),
    ];

    /// <summary>The columns for a single caller: only latencies matter.</summary>
    public static IReadOnlyList<Column> Latencies { get; } =
    [
        new("mean", "mean ms", 2),
        new("p50", "p50 ms", 2, WithSpread: true),
        new("p95", "p95 ms", 2),
        new("p99", "p99 ms", 2, WithSpread: true),
        new("toFirst", "p50 to the first", 2, WithSpread: true),
        new("errors", "errors", 0),
    ];

    /// <param name="name">Name of the row.</param>
    /// <param name="meaning">An explanation.</param>
    /// <param name="turns">One turn per round.</param>
    /// <param name="others">The turns of all contenders in the same rounds; null if there is none to compare with.</param>
    /// <param name="straight">The turns of the same contender around the gateway; null if there are none.</param>
    public static Row Row(
        string name, string meaning, IReadOnlyList<Turn> turns, IReadOnlyDictionary<string, List<Turn>>? others, IReadOnlyList<Turn>? straight = null)
    {
        var figures = new Dictionary<string, Spread>();
        void Add(string key, Func<Turn, double> figure) => figures.Add(key, Spread.Of(turns.Select(figure)));
        Add("perSecond", turn => turn.PerSecond);
        if (others?.GetValueOrDefault(Contender.Baseline) is { } baseline)
        {
            figures.Add("ratio", Ratio(turns, baseline));
        }

        if (others is not null && Limit(turns, others) is { } limit)
        {
            figures.Add("limit", limit);
        }

        Add("mean", turn => turn.Mean);
        Add("p50", turn => turn.P50);
        Add("p95", turn => turn.P95);
        Add("p99", turn => turn.P99);
        figures.Add("errors", Spread.Of(turns.Sum(turn => turn.Errors)));
        Add("transactions", turn => turn.Answered == 0 ? double.NaN : turn.Transactions * 1000.0 / turn.Answered);
        if (turns.All(turn => turn.LockAttempts is not null && turn.LockReleases is not null))
        {
            Add("attempts", turn => turn.Answered == 0 ? double.NaN : turn.LockAttempts!.Value * 1000.0 / turn.Answered);
            Add("releases", turn => turn.Answered == 0 ? double.NaN : turn.LockReleases!.Value * 1000.0 / turn.Answered);
        }

        foreach (var part in Parts.Where(part => turns.All(turn => turn.Cpu.ContainsKey(part))))
        {
            Add("cpu." + part, turn => turn.Requests == 0 ? double.NaN : turn.Cpu[part] * 1e6 / turn.Requests);
        }

        if (straight is not null)
        {
            figures.Add("straight", Spread.Of(straight.Select(turn => turn.PerSecond)));
        }

        return new Row(name, meaning, figures);
    }

    /// <summary>
    /// The share of the slower of the two floors, <c>pgbench-sets</c> and <c>http-floor</c>, in percent; null if one of them did not take part.
    /// </summary>
    public static Spread? Limit(IReadOnlyList<Turn> turns, IReadOnlyDictionary<string, List<Turn>> all) =>
        all.TryGetValue(PgbenchSets.ContenderName, out var database) && all.TryGetValue(Guards.HttpFloor, out var http)
            ? Spread.Of(turns.Select((turn, round) => 100 * turn.PerSecond / Math.Min(database[round].PerSecond, http[round].PerSecond)))
            : null;

    /// <summary>The ratio of requests/s, round by round, because whatever slows down a round slows down both.</summary>
    public static Spread Ratio(IReadOnlyList<Turn> turns, IReadOnlyList<Turn> baseline) =>
        Spread.Of(turns.Zip(baseline, (mine, theirs) => mine.PerSecond / theirs.PerSecond));
}
