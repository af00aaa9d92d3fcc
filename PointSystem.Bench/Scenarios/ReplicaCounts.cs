using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what more replicas bring, or cost, on one machine.</summary>
internal sealed record ReplicaCounts() : Scenario("replicas", "1 to 8 replicas under each load, with large and with small pools (--counts, --pools, --loads)")
{
    private static readonly int[] CountsDefault = [1, 3, 6, 8];
    private static readonly int[] PoolsDefault = [BenchOptions.PoolSizeDefault, 4];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.5);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? [Contender.Baseline, Targets.Distributed, Targets.Adaptive, Targets.Fallback]).Select(Contender.Find).ToList();
        var loads = (options.Loads ?? ["hot", "zipf", "uniform"]).Select(ContenderRun.Find).ToList();
        var rounds = options.Rounds ?? 2;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 2);
        var rows = new List<(int Load, int Pool, int Contender, Row Row)>();
        var targets = new List<(string Where, Target Target)>();
        var notes = new List<string>();
        Report? report = null;
        foreach (var poolSize in options.Pools ?? PoolsDefault)
        {
            foreach (var count in options.Counts ?? CountsDefault)
            {
                var directory = Path.Combine(options.DataDirectory!, $"replicas-{count}-{poolSize}");
                var here = new BenchRun(options with { Replicas = count, PoolSize = poolSize, DataDirectory = directory }, run);
                await using var cluster = await here.StartClusterAsync(null, cancellationToken);
                await ContenderRun.SeedAsync(cluster, cancellationToken);
                var runner = new RoundRunner(here, cluster);

                // All replicas share the processors, so more of them need more time until their code is compiled.
                var first = TimeSpan.FromSeconds(options.WarmUp ?? Math.Max(3, count));
                foreach (var load in loads)
                {
                    run.Say($"{load.Name}, {count} replicas, pools of {poolSize}");
                    var bench = new BenchLoad(new ClosedLoop(cluster.Targets(options.Straight), callers, load.Members), callers, load.PgbenchMember);
                    var turns = await runner.RoundsAsync(
                        contenders,
                        rounds,
                        (contender, round) => contender.RunAsync(cluster, bench, round == 0 && load == loads[0] ? first : WarmUp, null, cancellationToken),
                        contender => contender.RunAsync(cluster, bench, time, null, cancellationToken),
                        time,
                        cancellationToken);
                    var where = $"{load.Name}, {count} replicas, pools of {poolSize}";
                    rows.AddRange(contenders.Select((contender, number) => (loads.IndexOf(load), poolSize, number, TurnColumns.Row(
                        $"{load.Name}, {contender.Name}, {count} × {poolSize}", contender.Meaning, turns[contender.Name], turns))));
                    targets.AddRange(Targets.Of(load.Name, turns, here.Options).Select(target => (where, target)));
                    notes.AddRange(RoundRunner.ErrorNotes(turns).Select(note => $"{where}: {note}"));
                }

                notes.Add($"{count} replicas, pools of {poolSize}: {await runner.CheckLedgerAsync(cancellationToken)}");
                report ??= await run.DescribeAsync(this, cluster, new Dictionary<string, string>
                {
                    ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
                    ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
                    ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
                    ["requests go"] = options.Route,
                }, cancellationToken);
            }
        }

        if (!options.Straight && !options.NoAffinity)
        {
            targets.AddRange(SixToThree(rows.ConvertAll(row => row.Row)));
        }

        return report! with
        {
            Charted = "perSecond",
            Columns = TurnColumns.All,
            Rows = [.. rows.OrderBy(row => row.Load).ThenByDescending(row => row.Pool).ThenBy(row => row.Contender).Select(row => row.Row)],
            Targets = [.. Targets.Worst(targets)],
            Notes = [.. notes, "A row's name ends with the number of replicas × the connections of each."],
        };
    }

    /// <summary>The requests/s of six replicas, compared with those of three.</summary>
    private static IEnumerable<(string Where, Target Target)> SixToThree(List<Row> rows) =>
        from three in rows
        where three.Name.Contains(", distributed, 3 ×", StringComparison.Ordinal) && !three.Name.StartsWith("zipf", StringComparison.Ordinal)
        let six = rows.Find(row => row.Name == three.Name.Replace(", 3 ×", ", 6 ×", StringComparison.Ordinal))
        where six is not null
        select (three.Name, Targets.AtLeast("distributed, 6 replicas", "3", 0.85, Stats.Spread.Of(
            six.Figures["perSecond"].Median / three.Figures["perSecond"].Median)));
}
