using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Host;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures whether a use takes longer for a member with more lots.</summary>
internal sealed record LotCounts() : Scenario("lots", "latency of a use by one caller, for members with 1 to 10,000 lots")
{
    private const long LotAmount = 100_000;
    private const double Bound = 1.3;
    private static readonly int[] Sizes = [1, 10, 100, 1_000, 10_000];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan ShortWarmUp = TimeSpan.FromSeconds(0.3);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? ["distributed", Contender.Baseline, Guards.EveryLot]).Select(Contender.Find).ToList();
        var rounds = options.Rounds ?? 3;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 1.5);
        await using var cluster = await run.StartClusterAsync(null, cancellationToken);
        for (var i = 0; i < Sizes.Length; i++)
        {
            await Seeder.AddAsync(cluster, i + 1, 1, Sizes[i], LotAmount, cancellationToken);
        }

        await Seeder.SettleAsync(cluster, cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var turns = new Dictionary<string, List<Turn>>();
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var contender in contenders)
            {
                await contender.EnterAsync(cluster, cancellationToken);
                for (var i = 0; i < Sizes.Length; i++)
                {
                    var load = new ClosedLoop(cluster.Targets(options.Straight), 1, _ => new Members.One(i + 1));
                    runner.Count(await Task.Run(() => load.Run(round == 0 ? WarmUp / Sizes.Length : ShortWarmUp), cancellationToken));
                    if (round > 0)
                    {
                        var turn = await runner.MeasureAsync(() => Task.Run(() => load.Run(time), cancellationToken), time, cancellationToken);
                        var name = RowName(contender.Name, Sizes[i]);
                        turns.TryAdd(name, []);
                        turns[name].Add(turn);
                        run.Say(FormattableString.Invariant($"round {round}/{rounds}  {name,-30} p50 {turn.P50,6:N2} ms  p99 {turn.P99,6:N2} ms"));
                    }
                }

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
            ["callers"] = "1",
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "p50",
            Columns = TurnColumns.Latencies,
            Rows = [.. contenders.SelectMany(contender => Sizes.Select(size => RowOf(contender, size, turns)))],
            Targets = [.. contenders.Where(contender => contender.Name is "distributed" or "adaptive").Select(contender => new Target(
                $"{contender.Name}, p50 with {Sizes[^1]:N0} lots to 1 lot", Bound, false, ToOneLot(contender, Sizes[^1], turns).Median, " ×"))],
            Notes = [.. RoundRunner.ErrorNotes(turns), ledger],
        };
    }

    private static Row RowOf(Contender contender, int size, Dictionary<string, List<Turn>> turns)
    {
        var row = TurnColumns.Row(RowName(contender.Name, size), contender.Meaning, turns[RowName(contender.Name, size)], null);
        return row with { Figures = new Dictionary<string, Spread>(row.Figures) { ["toFirst"] = ToOneLot(contender, size, turns) } };
    }

    private static Spread ToOneLot(Contender contender, int size, Dictionary<string, List<Turn>> turns) =>
        Spread.Of(turns[RowName(contender.Name, size)].Zip(turns[RowName(contender.Name, Sizes[0])], (mine, first) => mine.P50 / first.P50));

    private static string RowName(string contender, int size) =>
        string.Create(CultureInfo.InvariantCulture, $"{contender}, {size:N0} {(size == 1 ? "lot" : "lots")}");
}
