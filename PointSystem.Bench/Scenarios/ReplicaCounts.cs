using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what more replicas bring, or cost, on one machine.</summary>
internal sealed record ReplicaCounts() : Scenario("replicas", "1, 2, 3 and 6 replicas under 100 callers, of one member and of 10,000")
{
    private const int MemberCount = 10_000;
    private const long LotAmount = 100_000;
    private static readonly int[] Counts = [1, 2, 3, 6];
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.5);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contenders = (options.Contenders ?? [Contender.Baseline, "distributed", "adaptive"]).Select(Contender.Find).ToList();
        var rounds = options.Rounds ?? 2;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 2);
        var rows = new List<Row>();
        var notes = new List<string>();
        Report? report = null;
        foreach (var count in Counts)
        {
            // The same total number of connections for every number of replicas.
            var poolSize = options.PoolSize * options.Replicas / count;
            var directory = Path.Combine(options.DataDirectory!, $"replicas-{count}");
            var here = new BenchRun(options with { Replicas = count, PoolSize = poolSize, DataDirectory = directory }, run);
            await using var cluster = await here.StartClusterAsync(null, cancellationToken);
            await Seeder.AddAsync(cluster, 1, 1, 100, LotAmount, cancellationToken);
            await Seeder.AddAsync(cluster, 2, MemberCount - 1, 2, LotAmount, cancellationToken);
            await Seeder.SettleAsync(cluster, cancellationToken);
            var runner = new RoundRunner(here, cluster);
            (string Name, ClosedLoop Load)[] loads =
            [
                ("uniform", new ClosedLoop(cluster.Targets(options.Gateway), callers, caller => new Members.Uniform(1, MemberCount, caller + 1))),
                ("hot", new ClosedLoop(cluster.Targets(options.Gateway), callers, _ => new Members.One(1))),
            ];
            foreach (var (name, load) in loads)
            {
                var bench = new BenchLoad(load, callers, null);
                var turns = await runner.RoundsAsync(
                    contenders,
                    rounds,
                    (contender, round) => contender.RunAsync(cluster, bench, round == 0 && name == "uniform" ? FirstWarmUp : WarmUp, null, cancellationToken),
                    contender => contender.RunAsync(cluster, bench, time, null, cancellationToken),
                    cancellationToken);
                rows.AddRange(contenders.Select(contender => TurnColumns.Row(
                    $"{name}, {contender.Name}, {count}", contender.Meaning, turns[contender.Name], turns.GetValueOrDefault(Contender.Baseline))));
                notes.AddRange(RoundRunner.ErrorNotes(turns).Select(note => $"{count} replicas, {name}: {note}"));
            }

            notes.Add($"{count} replicas: {await runner.CheckLedgerAsync(cancellationToken)}");
            report ??= await run.DescribeAsync(this, cluster, new Dictionary<string, string>
            {
                ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
                ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
                ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
                ["connections of all replicas together"] = (options.PoolSize * options.Replicas).ToString(CultureInfo.InvariantCulture),
            }, cancellationToken);
        }

        return report! with
        {
            Charted = "perSecond",
            Columns = TurnColumns.All,
            Rows = [.. rows
                .OrderBy(row => row.Name.StartsWith("hot", StringComparison.Ordinal))
                .ThenBy(row => contenders.FindIndex(contender => row.Name.Contains($", {contender.Name},", StringComparison.Ordinal)))],
            Notes = notes,
        };
    }
}
