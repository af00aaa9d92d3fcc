using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.TestKit;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what callers notice when Redis, a sidecar or a replica is killed or hangs under load, and when it is back.</summary>
internal sealed record Failover()
    : Scenario("failover", "Redis, a sidecar and a replica are killed and frozen for 5 s under the load zipf, mode distributed, each request with a key")
{
    private const int CallersDefault = 50;
    private const double ExtraLatencyMax = 500;
    private const double LongestMax = 2000;
    private const string RedisKilled = "Redis killed";
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Normal = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly Fault[] Faults =
    [
        Fault.Kill(RedisKilled, cluster => cluster.Local.Redis, cluster => cluster.Local.Replicas),
        Fault.Freeze("Redis frozen", cluster => cluster.Local.Redis, cluster => cluster.Local.Replicas),
        Fault.Kill("a sidecar killed", cluster => cluster.Local.Replicas[^1].Sidecar, cluster => [cluster.Local.Replicas[^1]]),
        Fault.Freeze("a sidecar frozen", cluster => cluster.Local.Replicas[^1].Sidecar, cluster => [cluster.Local.Replicas[^1]]),
        Fault.Kill("a replica killed", cluster => cluster.Local.Replicas[^1].Process, _ => []),
        Fault.Freeze("a replica frozen", cluster => cluster.Local.Replicas[^1].Process, _ => []),
    ];

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? CallersDefault;
        await using var cluster = await run.StartClusterAsync(local => local.AutoRestart = false, cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var load = new ClosedLoop(cluster.Targets(options.Straight), callers, ContenderRun.Zipf.Members) { WithKeys = true };
        await Contender.Find("distributed").EnterAsync(cluster, cancellationToken);
        runner.Count(await Task.Run(() => load.Run(WarmUp), cancellationToken));

        var seen = Faults.ToDictionary(fault => fault.Name, _ => new List<Seen>());
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var fault in Faults)
            {
                var here = await ObserveAsync(fault, cluster, load, cancellationToken);
                runner.Count(here.Turn);
                seen[fault.Name].Add(here);
                var latencies = FormattableString.Invariant($"p99 before {here.Before.P99:N0} ms, then {here.After.P99:N0} ms, longest {here.After.Max:N0} ms");
                var breakers = here.Opened is null ? "" : FormattableString.Invariant($"; open after {here.Opened:N0} ms, closed after {here.Closed:N0} ms");
                run.Say($"round {round}/{rounds}  {fault.Name,-17} {latencies}{breakers}; errors {here.Turn.ErrorKinds.Values.Sum()}");
            }
        }

        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
            ["requests go"] = options.Route,
        }, cancellationToken);
        return report with
        {
            Charted = "max",
            Columns =
            [
                new Column("perSecond", "requests/s", 0, WithSpread: true), new Column("p50", "p50 ms", 1), new Column("p99", "p99 ms", 1, WithSpread: true),
                new Column("max", "longest ms", 0, WithSpread: true), new Column("opened", "breakers open after ms", 0, WithSpread: true),
                new Column("closed", "closed again after ms", 0, WithSpread: true), new Column("errors", "failed", 0),
            ],
            Rows = [.. seen.SelectMany(fault => RowsOf(fault.Key, fault.Value))],
            Targets =
            [
                new Target("failed requests", 0, false, seen.Values.Sum(rounds => rounds.Sum(each => each.Turn.ErrorKinds.Values.Sum()))),
                new Target(
                    $"{RedisKilled}: p99 in the second after it, above that before", ExtraLatencyMax, false,
                    Percentile.Median(seen[RedisKilled].Select(each => each.FirstSecond.P99 - each.Before.P99)), " ms"),
                .. seen.Select(fault => new Target($"{fault.Key}: longest answer", LongestMax, false, fault.Value.Max(each => each.After.Max), " ms")),
            ],
            Notes =
            [
                .. RoundRunner.ErrorNotes(seen.ToDictionary(fault => fault.Key, fault => fault.Value.ConvertAll(each => each.Turn))),
                "From the fault on: until 3 s after its end. A breaker closes after a probe that finds the store working.",
                ledger,
            ],
        };
    }

    /// <summary>One load with the fault in its middle.</summary>
    private static async Task<Seen> ObserveAsync(Fault fault, BenchCluster cluster, ClosedLoop load, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IReadOnlyList<Recording> recordings = [];
        var loading = Task.Run(() => load.Run(Limit + Limit, null, all => recordings = all, stop.Token), cancellationToken);
        double? opened = null;
        double? closed = null;
        await Task.Delay(Normal, cancellationToken);
        var broken = Stopwatch.GetTimestamp();
        await fault.BeginAsync(cluster, cancellationToken);
        var hit = fault.Hits(cluster);
        if (hit.Count > 0)
        {
            await cluster.WaitForBreakersAsync("open", Limit, cancellationToken, hit);
            opened = Stopwatch.GetElapsedTime(broken).TotalMilliseconds;
        }

        await Task.Delay(Away - Stopwatch.GetElapsedTime(broken) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero, cancellationToken);
        await fault.EndAsync(cluster, cancellationToken);
        var mended = Stopwatch.GetTimestamp();
        if (hit.Count > 0)
        {
            await cluster.WaitForBreakersAsync("closed", Limit, cancellationToken, hit);
            closed = Stopwatch.GetElapsedTime(mended).TotalMilliseconds;
        }

        await Task.Delay(Back, cancellationToken);
        await stop.CancelAsync();
        var turn = await loading;
        var second = (long)(Second.TotalSeconds * Stopwatch.Frequency);
        return new Seen(
            turn, Phase.Between(recordings, broken - (3 * second), broken - second), Phase.Between(recordings, broken, broken + second),
            Phase.Between(recordings, broken, Stopwatch.GetTimestamp()), opened, closed);
    }

    private static IEnumerable<Row> RowsOf(string fault, List<Seen> rounds)
    {
        yield return new Row($"before: {fault}", "", Phase.Figures(rounds.ConvertAll(each => each.Before)));
        var figures = Phase.Figures(rounds.ConvertAll(each => each.After));
        figures["errors"] = Spread.Of(rounds.Sum(each => each.Turn.ErrorKinds.Values.Sum()));
        if (rounds[0].Opened is not null)
        {
            figures["opened"] = Spread.Of(rounds.Select(each => each.Opened!.Value));
            figures["closed"] = Spread.Of(rounds.Select(each => each.Closed!.Value));
        }

        yield return new Row(fault, "", figures);
    }

    /// <summary>What happened in one load.</summary>
    private sealed record Seen(Turn Turn, Phase Before, Phase FirstSecond, Phase After, double? Opened, double? Closed);

    /// <param name="Name">Its name in the report.</param>
    /// <param name="Hits">The replicas whose breakers open.</param>
    /// <param name="BeginAsync">Lets it happen.</param>
    /// <param name="EndAsync">Ends it, and waits until the process answers again.</param>
    private sealed record Fault(
        string Name, Func<BenchCluster, IReadOnlyList<Replica>> Hits, Func<BenchCluster, CancellationToken, Task> BeginAsync,
        Func<BenchCluster, CancellationToken, Task> EndAsync)
    {
        public static Fault Kill(string name, Func<BenchCluster, ManagedProcess> victim, Func<BenchCluster, IReadOnlyList<Replica>> hits) => new(
            name,
            hits,
            (cluster, cancellationToken) => victim(cluster).KillAsync(cancellationToken),
            (cluster, cancellationToken) =>
            {
                victim(cluster).Start();
                return victim(cluster).WaitUntilReadyAsync(Limit, cancellationToken);
            });

        public static Fault Freeze(string name, Func<BenchCluster, ManagedProcess> victim, Func<BenchCluster, IReadOnlyList<Replica>> hits) => new(
            name,
            hits,
            (cluster, _) =>
            {
                victim(cluster).Suspend();
                return Task.CompletedTask;
            },
            (cluster, _) =>
            {
                victim(cluster).Resume();
                return Task.CompletedTask;
            });
    }
}
