using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what callers notice when Redis is killed under load, and when it is back.</summary>
internal sealed record Failover() : Scenario("failover", "Redis is killed and restarted while callers spend from 10,000 members, mode distributed")
{
    private const int MemberCount = 10_000;
    private const long LotAmount = 100_000;
    private const int CallersDefault = 50;
    private const double ExtraLatencyMax = 500;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Normal = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? CallersDefault;
        await using var cluster = await run.StartClusterAsync(local => local.AutoRestart = false, cancellationToken);
        await Seeder.AddAsync(cluster, 1, MemberCount, 2, LotAmount, cancellationToken);
        await Seeder.SettleAsync(cluster, cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var load = new ClosedLoop(cluster.Targets(options.Straight), callers, caller => new Members.Uniform(1, MemberCount, caller + 1));
        await Contender.Find("distributed").EnterAsync(cluster, cancellationToken);
        runner.Count(await Task.Run(() => load.Run(WarmUp), cancellationToken));

        var phases = new Dictionary<string, List<Phase>>();
        var turns = new List<Turn>();
        var opened = new List<double>();
        var closed = new List<double>();
        for (var round = 1; round <= rounds; round++)
        {
            IReadOnlyList<Recording> recordings = [];
            var loading = Task.Run(() => load.Run(Normal + Away + Back, null, all => recordings = all), cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(Normal, cancellationToken);
            await cluster.Local.Redis.KillAsync(cancellationToken);
            var killed = Stopwatch.GetTimestamp();
            await cluster.WaitForBreakersAsync("open", Limit, cancellationToken);
            opened.Add(Stopwatch.GetElapsedTime(killed).TotalMilliseconds);
            await Task.Delay(Away - Stopwatch.GetElapsedTime(killed) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero, cancellationToken);
            cluster.Local.Redis.Start();
            await cluster.Local.Redis.WaitUntilReadyAsync(Limit, cancellationToken);
            var revived = Stopwatch.GetTimestamp();
            await cluster.WaitForBreakersAsync("closed", Limit, cancellationToken);
            closed.Add(Stopwatch.GetElapsedTime(revived).TotalMilliseconds);
            turns.Add(runner.Count(await loading));

            void Keep(string name, long from, long to)
            {
                phases.TryAdd(name, []);
                phases[name].Add(Phase.Between(recordings, from, to));
            }

            var second = (long)(Second.TotalSeconds * Stopwatch.Frequency);
            Keep("before", began + second, killed);
            Keep("the second after the kill", killed, killed + second);
            Keep("while it is away", killed + second, revived);
            Keep("the second after its return", revived, revived + second);
            var (before, after) = (phases["before"][^1].P99, phases["the second after the kill"][^1].P99);
            var latencies = FormattableString.Invariant($"p99 before {before:N0} ms, in the second after {after:N0} ms");
            var breakers = FormattableString.Invariant($"open after {opened[^1]:N0} ms, closed after {closed[^1]:N0} ms");
            run.Say($"round {round}/{rounds}  {latencies}; {breakers}; errors {turns[^1].Errors}");
        }

        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        var extra = phases["the second after the kill"].Zip(phases["before"], (after, before) => after.P99 - before.P99);
        var errors = new Dictionary<string, List<Turn>> { ["all phases"] = turns };
        return report with
        {
            Charted = "p99",
            Columns =
            [
                new Column("perSecond", "requests/s", 0, WithSpread: true), new Column("p50", "p50 ms", 1), new Column("p99", "p99 ms", 1, WithSpread: true),
                new Column("max", "longest ms", 1), new Column("after", "after ms", 0, WithSpread: true),
            ],
            Rows =
            [
                .. phases.Select(phase => new Row(phase.Key, "", Phase.Figures(phase.Value))),
                new Row("every breaker open, from the kill", "", new Dictionary<string, Spread> { ["after"] = Spread.Of(opened) }),
                new Row("every breaker closed, from when Redis answers", "", new Dictionary<string, Spread> { ["after"] = Spread.Of(closed) }),
            ],
            Targets =
            [
                new Target("failed requests", 0, false, turns.Sum(turn => turn.ErrorKinds.Values.Sum())),
                new Target("p99 in the second after the kill, above that before", ExtraLatencyMax, false, Percentile.Median(extra), " ms"),
            ],
            Notes = [.. RoundRunner.ErrorNotes(errors), ledger],
        };
    }
}
