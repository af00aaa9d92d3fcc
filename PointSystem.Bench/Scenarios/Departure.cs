using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what the members of the other replicas notice when a replica leaves the gateway's order and comes back.</summary>
internal sealed record Departure()
    : Scenario("departure", "a replica leaves and comes back under load, through the gateway: throughput of the members of the other replicas")
{
    private const int MembersAsked = 600;
    private const double Bound = 0.9;
    private static readonly string[] Compared = ["members of the others, while it is away", "members of the others, after its return"];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options with { Straight = false };
        if (options.Replicas < 2 || options.NoAffinity)
        {
            throw new BenchException($"The scenario {Name} needs at least two replicas and affinity.");
        }

        var contender = Contender.Find(options.Contenders is [var only, ..] ? only : Targets.Distributed);
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 4);
        await using var cluster = await new BenchRun(options, run).StartClusterAsync(local => local.AutoRestart = false, cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var leaving = cluster.Local.Replicas[^1];
        var homes = await cluster.FindReplicasAsync(Enumerable.Range(2, MembersAsked).Select(number => (long)number), cancellationToken);
        var itsMembers = homes.Where(home => home.Value == leaving.Name).Select(home => home.Key).ToArray();
        var otherMembers = homes.Where(home => home.Value != leaving.Name).Select(home => home.Key).ToArray();

        // As many callers for each replica, so that the load of the leaving one moves to the others.
        var itsCallers = Math.Max(1, callers / options.Replicas);
        var targets = cluster.Targets(straight: false);
        var its = new ClosedLoop(targets, itsCallers, caller => new Members.Of(itsMembers, caller + 1));
        var others = new ClosedLoop(targets, Math.Max(1, callers - itsCallers), caller => new Members.Of(otherMembers, caller + 1));
        await contender.EnterAsync(cluster, cancellationToken);
        var phases = new Dictionary<string, List<Phase>>();
        var turns = new List<Turn>();
        for (var round = 1; round <= rounds; round++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            IReadOnlyList<Recording> ofIts = [];
            IReadOnlyList<Recording> ofOthers = [];
            var loading = new[]
            {
                Task.Run(() => its.Run(Limit, null, all => ofIts = all, stop.Token), cancellationToken),
                Task.Run(() => others.Run(Limit, null, all => ofOthers = all, stop.Token), cancellationToken),
            };
            await Task.Delay(WarmUp, cancellationToken);
            var began = Stopwatch.GetTimestamp();
            await Task.Delay(time, cancellationToken);
            var leaves = Stopwatch.GetTimestamp();
            await leaving.Process.StopAsync(Grace, cancellationToken);
            var left = Stopwatch.GetTimestamp();
            await Task.Delay(time, cancellationToken);
            var starts = Stopwatch.GetTimestamp();
            leaving.Process.Start();
            await leaving.WaitUntilReadyAsync(Grace, cancellationToken);
            var returned = Stopwatch.GetTimestamp();
            await Task.Delay(time, cancellationToken);
            var ended = Stopwatch.GetTimestamp();
            await stop.CancelAsync();
            turns.AddRange((await Task.WhenAll(loading)).Select(runner.Count));
            foreach (var (phase, from, to) in ((string, long, long)[])
                [
                    ("before", began, leaves), ("while it leaves", leaves, left), ("while it is away", left, starts),
                    ("while it starts", starts, returned), ("after its return", returned, ended),
                ])
            {
                Keep("members of the others, " + phase, Phase.Between(ofOthers, from, to));
                Keep("its members, " + phase, Phase.Between(ofIts, from, to));
            }

            var rates = phases.Where(phase => phase.Key.StartsWith("members", StringComparison.Ordinal))
                .Select(phase => FormattableString.Invariant($"{phase.Key.Split(", ")[1]} {phase.Value[^1].PerSecond:N0}/s"));
            run.Say($"round {round}/{rounds}  members of the others: {string.Join(", ", rates)}; errors {turns[^1].Errors + turns[^2].Errors}");
        }

        await contender.LeaveAsync(cluster, cancellationToken);
        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["mode"] = contender.Name,
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "perSecond",
            Columns =
            [
                new Column("perSecond", "requests/s", 0, WithSpread: true), new Column("toBefore", "to before", 2, WithSpread: true),
                new Column("p50", "p50 ms", 1), new Column("p99", "p99 ms", 1, WithSpread: true), new Column("max", "longest ms", 1),
            ],
            Rows =
            [
                .. phases.OrderBy(phase => phase.Key.StartsWith("its", StringComparison.Ordinal))
                    .Select(phase => new Row(phase.Key, "", new Dictionary<string, Spread>(Phase.Figures(phase.Value)) { ["toBefore"] = ToBefore(phase.Key) })),
            ],
            Targets =
            [
                .. Compared.Select(name => new Target(name + ", requests/s to before", Bound, true, ToBefore(name).Median, " ×")),
                new Target("failed requests", 0, false, turns.Sum(turn => turn.ErrorKinds.Values.Sum())),
            ],
            Notes = [.. RoundRunner.ErrorNotes(new Dictionary<string, List<Turn>> { ["all phases"] = turns }), ledger],
        };

        void Keep(string name, Phase phase)
        {
            phases.TryAdd(name, []);
            phases[name].Add(phase);
        }

        Spread ToBefore(string name) => Spread.Of(
            phases[name].Zip(phases[name.Split(", ")[0] + ", before"], (mine, before) => mine.PerSecond / before.PerSecond));
    }
}
