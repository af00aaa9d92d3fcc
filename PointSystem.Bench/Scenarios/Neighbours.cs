using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures how a burst of requests for one member affects the other members.</summary>
internal sealed record Neighbours()
    : Scenario("neighbours", "latency of 9,999 cold members at a fixed rate, quiet and while 100 callers storm one member; small pools")
{
    private const int PoolSize = 10;
    private const int PerSecond = 100;
    private const double Bound = 2;
    private const int MembersAsked = 1_000;
    private const string Cold = "cold members";
    private const string ColdBeside = "cold members on the hot member's replica";
    private const string Quiet = "quiet";
    private const string Storming = "in the storm";
    private static readonly string[] ColdMembers = [Cold, ColdBeside];
    private const double WarmUpSeconds = 10;

    // The storm starts before and ends after the measured time.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options with { PoolSize = run.Options.PoolSize == BenchOptions.PoolSizeDefault ? PoolSize : run.Options.PoolSize };
        var contenders = (options.Contenders ?? ["distributed", "adaptive", Contender.Baseline]).Select(Contender.Find).ToList();
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 5);
        var warmUp = TimeSpan.FromSeconds(options.WarmUp ?? WarmUpSeconds);
        await using var cluster = await run.StartClusterAsync(local => local.PoolSize = options.PoolSize, cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);

        var runner = new RoundRunner(run, cluster);
        var targets = cluster.Targets(options.Straight);
        var storm = new ClosedLoop(targets, callers, _ => new Members.One(1));
        var cold = new OpenLoop(targets, PerSecond, caller => new Members.Uniform(2, ContenderRun.MemberCount - 1, caller + 1));
        var allMembers = new ClosedLoop(targets, callers, caller => new Members.Uniform(1, ContenderRun.MemberCount, caller + 1));

        // Members that share the hot member's replica share its queue of commits, too.
        OpenLoop? beside = null;
        if (options is { Straight: false, NoAffinity: false, Replicas: > 1 })
        {
            var replicas = await cluster.FindReplicasAsync(Enumerable.Range(1, MembersAsked).Select(number => (long)number), cancellationToken);
            var members = replicas.Where(member => member.Key != 1 && member.Value == replicas[1]).Select(member => member.Key).ToArray();
            beside = new OpenLoop(targets, PerSecond, caller => new Members.Of(members, caller + 1));
        }

        var turns = new Dictionary<string, List<Turn>>();
        void Keep(string name, Turn turn)
        {
            turns.TryAdd(name, []);
            turns[name].Add(turn);
        }

        for (var round = 0; round <= rounds; round++)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                if (round == 0)
                {
                    runner.Count(await Task.Run(() => allMembers.Run(warmUp), cancellationToken));
                    runner.Count(await Task.Run(() => storm.Run(warmUp), cancellationToken));
                    await contender.LeaveAsync(cluster, cancellationToken);
                    continue;
                }

                await RunColdAsync(contender, Quiet);
                var storming = Task.Run(() => storm.Run(time + Margin + Margin), cancellationToken);
                await Task.Delay(Margin, cancellationToken);
                await RunColdAsync(contender, Storming);
                Keep(Storm(contender), runner.Count(await storming));
                var latencies = string.Join("; ", ColdMembers.Where(who => turns.ContainsKey(NameOf(contender, who, Quiet))).Select(who =>
                    FormattableString.Invariant(
                        $"p99 of {who} quiet {turns[NameOf(contender, who, Quiet)][^1].P99:N1} ms, in the storm {turns[NameOf(contender, who, Storming)][^1].P99:N1} ms")));
                var stormRate = turns[Storm(contender)][^1].PerSecond;
                run.Say(FormattableString.Invariant($"round {round}/{rounds}  {contender.Name,-12} {latencies}, storm {stormRate:N0}/s"));
                await contender.LeaveAsync(cluster, cancellationToken);
            }

            if (round == 0)
            {
                await runner.SettleAsync(cancellationToken);
            }
        }

        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            [beside is null ? "cold requests/s" : "cold requests/s of each kind"] = PerSecond.ToString(CultureInfo.InvariantCulture),
            ["callers of the storm"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            ["requests go"] = options.Route,
            ["connections of each replica"] = options.PoolSize.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "p99",
            Columns = [new Column("perSecond", "requests/s", 0), .. TurnColumns.Latencies, new Column("toQuiet", "p99 to quiet", 2, WithSpread: true)],
            Rows =
            [
                .. from contender in contenders
                   from name in (string[])
                   [
                       .. ColdMembers.SelectMany(who => new[] { NameOf(contender, who, Quiet), NameOf(contender, who, Storming) }), Storm(contender),
                   ]
                   where turns.ContainsKey(name)
                   select RowOf(contender, name, turns),
            ],
            Targets =
            [
                .. from contender in contenders
                   where contender.Name is Targets.Distributed or Targets.Adaptive
                   from who in ColdMembers
                   where turns.ContainsKey(NameOf(contender, who, Quiet))
                   select new Target($"{contender.Name}, p99 of {who} in the storm to quiet", Bound, false, ToQuiet(contender, who, turns).Median, " ×"),
            ],
            Notes = [.. RoundRunner.ErrorNotes(turns), ledger],
        };

        async Task RunColdAsync(Contender contender, string when)
        {
            var atHome = beside is null ? null : Task.Run(() => beside.Run(time), cancellationToken);
            Keep(NameOf(contender, Cold, when), await runner.MeasureAsync(() => Task.Run(() => cold.Run(time), cancellationToken), time, cancellationToken));
            if (atHome is not null)
            {
                Keep(NameOf(contender, ColdBeside, when), runner.Count(await atHome));
            }
        }
    }

    private static Row RowOf(Contender contender, string name, Dictionary<string, List<Turn>> turns)
    {
        var row = TurnColumns.Row(name, contender.Meaning, turns[name], null);
        return ColdMembers.FirstOrDefault(who => name == NameOf(contender, who, Storming)) is { } cold
            ? row with { Figures = new Dictionary<string, Spread>(row.Figures) { ["toQuiet"] = ToQuiet(contender, cold, turns) } }
            : row;
    }

    private static Spread ToQuiet(Contender contender, string who, Dictionary<string, List<Turn>> turns) =>
        Spread.Of(turns[NameOf(contender, who, Storming)].Zip(turns[NameOf(contender, who, Quiet)], (storm, quiet) => storm.P99 / quiet.P99));

    private static string NameOf(Contender contender, string who, string when) => $"{contender.Name}, {who}, {when}";

    private static string Storm(Contender contender) => contender.Name + ", the storm";
}
