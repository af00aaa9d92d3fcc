using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what callers notice of replicas that have just started.</summary>
internal sealed record Cold()
    : Scenario("cold", "the first 3 s after a start of 3 and 8 replicas under the load hot, and a rolling restart under zipf (--counts)")
{
    private const double WarmUpDefault = 5;
    private static readonly int[] CountsDefault = [3, 8];
    private static readonly TimeSpan First = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? [Targets.Distributed, Contender.Baseline, Targets.Fallback]).Select(Contender.Find).ToList();
        var counts = options.Counts ?? CountsDefault;
        var rounds = options.Rounds ?? 2;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var rows = new List<Row>();
        var targets = new List<Target>();
        var notes = new List<string>();
        Report? report = null;
        foreach (var count in counts)
        {
            var here = new BenchRun(
                options with { Replicas = count, DataDirectory = Path.Combine(options.DataDirectory!, $"cold-{count}") }, run);
            await using var cluster = await here.StartClusterAsync(null, cancellationToken);
            await ContenderRun.SeedAsync(cluster, cancellationToken);
            var runner = new RoundRunner(here, cluster);
            var warmUp = TimeSpan.FromSeconds(options.WarmUp ?? Math.Max(WarmUpDefault, count));
            var (warm, cold) = await StartsAsync(here, cluster, runner, contenders, rounds, callers, warmUp, cancellationToken);
            foreach (var contender in contenders)
            {
                var ratio = TurnColumns.Ratio(cold[contender.Name], warm[contender.Name]);
                var row = TurnColumns.Row($"{contender.Name}, {count} replicas, the first 3 s", contender.Meaning, cold[contender.Name], null);
                rows.Add(TurnColumns.Row($"{contender.Name}, {count} replicas, warm", contender.Meaning, warm[contender.Name], null));
                rows.Add(row with { Figures = new Dictionary<string, Spread>(row.Figures) { ["toWarm"] = ratio } });
                if (contender.Name == Targets.Distributed)
                {
                    targets.Add(new Target($"distributed, {count} replicas, the first 3 s to warm, requests/s", 0.5, true, ratio.Median, " ×"));
                }
            }

            notes.AddRange(RoundRunner.ErrorNotes(warm).Concat(RoundRunner.ErrorNotes(cold)).Select(note => $"{count} replicas: {note}"));
            if (count == counts[0])
            {
                var (turns, quiet, restart) = await RollingRestartAsync(here, cluster, runner, rounds, callers, warmUp, cancellationToken);
                rows.Add(new Row("rolling restart, before", "zipf, distributed, through the gateway", Phase.Figures(quiet)));
                rows.Add(new Row("rolling restart, meanwhile", "zipf, distributed, through the gateway", Phase.Figures(restart)));
                targets.Add(new Target("rolling restart, failed requests", 0, false, turns.Sum(turn => turn.ErrorKinds.Values.Sum())));
                notes.AddRange(RoundRunner.ErrorNotes(new Dictionary<string, List<Turn>> { ["the rolling restart"] = turns }));
                targets.Add(new Target(
                    "rolling restart, p99 to before", 2, false, Percentile.Median(restart.Zip(quiet, (after, before) => after.P99 / before.P99)), " ×"));
            }

            notes.Add($"{count} replicas: {await runner.CheckLedgerAsync(cancellationToken)}");
            report ??= await run.DescribeAsync(this, cluster, new Dictionary<string, string>
            {
                ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
                ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
                ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
                ["requests go"] = options.Route,
            }, cancellationToken);
        }

        return report! with
        {
            Charted = "perSecond",
            Columns =
            [
                new Column("perSecond", "requests/s", 0, WithSpread: true), new Column("toWarm", "to warm", 2, WithSpread: true),
                new Column("p50", "p50 ms", 1), new Column("p99", "p99 ms", 1, WithSpread: true), new Column("max", "longest ms", 1),
                new Column("errors", "errors", 0),
            ],
            Rows = rows,
            Targets = targets,
            Notes = [.. notes, "The rolling restart is measured with the first number of replicas, always through the gateway."],
        };
    }

    /// <summary>The same load on warm replicas, and when all of them have just started.</summary>
    private static async Task<(Dictionary<string, List<Turn>> Warm, Dictionary<string, List<Turn>> Cold)> StartsAsync(
        BenchRun run, BenchCluster cluster, RoundRunner runner, List<Contender> contenders, int rounds, int callers, TimeSpan warmUp,
        CancellationToken cancellationToken)
    {
        var load = new ClosedLoop(cluster.Targets(run.Options.Straight), callers, ContenderRun.Hot.Members);
        var warm = contenders.ToDictionary(contender => contender.Name, _ => new List<Turn>());
        var cold = contenders.ToDictionary(contender => contender.Name, _ => new List<Turn>());
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                runner.Count(await Task.Run(() => load.Run(warmUp), cancellationToken));
                await runner.SettleAsync(cancellationToken);
                var before = runner.Count(await Task.Run(() => load.Run(First), cancellationToken));
                await cluster.RestartReplicasAsync(cancellationToken);
                var after = runner.Count(await Task.Run(() => load.Run(First), cancellationToken));
                warm[contender.Name].Add(before);
                cold[contender.Name].Add(after);
                var rates = FormattableString.Invariant($"warm {before.PerSecond:N0}/s, the first 3 s {after.PerSecond:N0}/s, p99 {after.P99:N0} ms");
                run.Say($"round {round}/{rounds}  {contender.Name,-12} {cluster.Local.Replicas.Count} replicas: {rates}");
                await contender.LeaveAsync(cluster, cancellationToken);
            }
        }

        return (warm, cold);
    }

    private static async Task<(List<Turn> Turns, List<Phase> Quiet, List<Phase> Restart)> RollingRestartAsync(
        BenchRun run, BenchCluster cluster, RoundRunner runner, int rounds, int callers, TimeSpan warmUp, CancellationToken cancellationToken)
    {
        var load = new ClosedLoop(cluster.Targets(straight: false), callers, ContenderRun.Zipf.Members);
        await cluster.SetModeAsync(Targets.Distributed, cancellationToken);
        var (turns, quiet, restart) = (new List<Turn>(), new List<Phase>(), new List<Phase>());
        for (var round = 1; round <= rounds; round++)
        {
            runner.Count(await Task.Run(() => load.Run(warmUp), cancellationToken));
            await runner.SettleAsync(cancellationToken);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            IReadOnlyList<Recording> recordings = [];
            var loading = Task.Run(() => load.Run(Limit, null, all => recordings = all, stop.Token), cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(Quiet, cancellationToken);
            var from = Stopwatch.GetTimestamp();
            await cluster.Local.RestartReplicasAsync(cancellationToken);
            var to = Stopwatch.GetTimestamp();
            await stop.CancelAsync();
            turns.Add(runner.Count(await loading));
            quiet.Add(Phase.Between(recordings, began + Stopwatch.Frequency, from));
            restart.Add(Phase.Between(recordings, from, to));
            var latencies = FormattableString.Invariant($"p99 before {quiet[^1].P99:N0} ms, meanwhile {restart[^1].P99:N0} ms");
            run.Say($"round {round}/{rounds}  rolling restart: {latencies}, errors {string.Join(", ", turns[^1].ErrorKinds.Select(kind => $"{kind.Value} × {kind.Key}"))}");
        }

        return (turns, quiet, restart);
    }
}
