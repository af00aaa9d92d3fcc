using PointSystem.Bench.Contenders;
using PointSystem.Bench.Host;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>The targets of the loads <c>hot</c>, <c>zipf</c>, <c>uniform</c> and <c>seed</c>; each needs its contenders in the run.</summary>
internal static class Targets
{
    public const string Distributed = "distributed";
    public const string Adaptive = "adaptive";
    public const string Fallback = "fallback";

    /// <summary>The targets of one load with the replicas of the options.</summary>
    public static IEnumerable<Target> Of(string load, IReadOnlyDictionary<string, List<Turn>> turns, BenchOptions options)
    {
        var byMember = !options.Straight && !options.NoAffinity;
        foreach (var (contender, baseline, bound) in Ratios(load, byMember, options.Replicas))
        {
            if (turns.TryGetValue(contender, out var mine) && turns.TryGetValue(baseline, out var theirs))
            {
                yield return AtLeast(contender, baseline, bound, TurnColumns.Ratio(mine, theirs));
            }
        }

        if (turns.TryGetValue(Adaptive, out var adaptive) && turns.TryGetValue(Distributed, out var one) && turns.TryGetValue(Fallback, out var other))
        {
            List<Turn> better = [.. one.Zip(other, (a, b) => a.PerSecond > b.PerSecond ? a : b)];
            yield return AtLeast(Adaptive, "the better of distributed and fallback", 0.95, TurnColumns.Ratio(adaptive, better));
        }

        if (!turns.TryGetValue(Distributed, out var distributed))
        {
            yield break;
        }

        if (byMember && options.Replicas == 3 && load is "hot" or "zipf")
        {
            yield return new Target("distributed, p99", load == "hot" ? 40 : 90, false, Percentile.Median(distributed.Select(turn => turn.P99)), " ms");
        }

        if (load == "zipf" && (byMember ? options.Replicas == 3 : options.Replicas == 8) && distributed.All(turn => turn.LockAttempts is not null))
        {
            yield return new Target(
                "distributed, lock attempts and releases for 1,000 requests", byMember ? 900 : 2_200, false,
                Percentile.Median(distributed.Select(turn => (turn.LockAttempts!.Value + turn.LockReleases!.Value) * 1000.0 / turn.Answered)));
        }

        if (load == "hot" && TurnColumns.Limit(distributed, turns) is { } limit)
        {
            yield return new Target("distributed, share of the limit", 50, true, limit.Median, " %");
        }
    }

    /// <summary>For each text, the one that is farthest from its bound, or closest to it.</summary>
    public static IEnumerable<Target> Worst(IEnumerable<(string Where, Target Target)> targets) =>
        from target in targets
        group target by target.Target.Text into same
        let worst = same.MinBy(each => each.Target.AtLeast ? each.Target.Figure / each.Target.Wanted : each.Target.Wanted / each.Target.Figure)
        select worst.Target with { Text = same.Count() == 1 ? $"{same.Key} ({worst.Where})" : $"{same.Key}, at worst ({worst.Where})" };

    public static Target AtLeast(string contender, string baseline, double bound, Spread ratio) =>
        new($"{contender} to {baseline}, requests/s", bound, true, ratio.Median, " ×");

    private static IEnumerable<(string Contender, string Baseline, double Bound)> Ratios(string load, bool byMember, int replicas)
    {
        yield return (Distributed, Contender.Baseline, (load, byMember, replicas) switch
        {
            ("hot", true, 3) => 14,
            ("hot", false, 3) => 10,
            ("zipf", true, 3) => 2.7,
            ("zipf", false, 3) => 3,
            ("uniform", true, 3) => 2,
            ("uniform", false, 3) => 1.2,
            _ => 1,
        });
        if (load == "hot" && replicas == 3)
        {
            foreach (var other in (string[])[Guards.EveryLot, Guards.MedallionRedis, Guards.MedallionPostgres, Guards.RedLock])
            {
                yield return (Distributed, other, byMember ? 14 : 10);
            }
        }

        if (load == "uniform" && replicas == 3)
        {
            yield return (Distributed, Guards.MedallionRedis, 2);
            yield return (Distributed, Guards.RedLock, 2);
            yield return (Adaptive, Contender.Baseline, 2.5);
            yield return (Adaptive, PgbenchRow.ContenderName, 1);
        }

        if (load == "hot" && replicas == 8 && !byMember)
        {
            yield return (Distributed, Fallback, 0.8);
        }
    }
}
