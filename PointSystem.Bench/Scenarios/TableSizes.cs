using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures whether a use takes longer in a service with more lots.</summary>
internal sealed record TableSizes() : Scenario("scale", "latency of a use by one caller, with 10^4 to 10^6 (--full: 10^7) lots in the table")
{
    private const int LotsOfMember = 10;
    private const long LotAmount = 100_000;
    private const double Bound = 1.3;
    private const int ChunkMembers = 100_000;
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var contender = Contender.Find(options.Contenders is [var only, ..] ? only : "distributed");
        var rounds = options.Rounds ?? 3;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 3);
        int[] sizes = options.Full ? [10_000, 100_000, 1_000_000, 10_000_000] : [10_000, 100_000, 1_000_000];
        await using var cluster = await run.StartClusterAsync(
            // The default of 128 MB is too small for these tables: the server gets the memory of a production server, and enough WAL for
            // the seeding.
            local =>
            {
                local.PostgresSettings["shared_buffers"] = options.Full ? "2GB" : "512MB";
                local.PostgresSettings["max_wal_size"] = "4GB";
            },
            cancellationToken);
        var runner = new RoundRunner(run, cluster);
        var rows = new List<Row>();
        var members = 0;
        await contender.EnterAsync(cluster, cancellationToken);
        foreach (var size in sizes)
        {
            var seeding = Stopwatch.StartNew();
            while (members < size / LotsOfMember)
            {
                var count = Math.Min(ChunkMembers, (size / LotsOfMember) - members);
                await Seeder.AddAsync(cluster, members + 1, count, LotsOfMember, LotAmount, cancellationToken);
                members += count;
                run.Say(FormattableString.Invariant($"{(long)members * LotsOfMember:N0} lots"));
            }

            await Seeder.SettleAsync(cluster, cancellationToken);
            var seconds = seeding.Elapsed.TotalSeconds;
            var all = members;
            var load = new ClosedLoop(cluster.Targets(options.Straight), 1, caller => new Members.Uniform(1, all, caller + 1));
            runner.Count(await Task.Run(() => load.Run(rows.Count == 0 ? FirstWarmUp : WarmUp), cancellationToken));
            await runner.SettleAsync(cancellationToken);
            var turns = new List<Turn>();
            for (var round = 1; round <= rounds; round++)
            {
                turns.Add(await runner.MeasureAsync(() => Task.Run(() => load.Run(time), cancellationToken), time, cancellationToken));
            }

            var row = TurnColumns.Row(size.ToString("N0", CultureInfo.InvariantCulture) + " lots", contender.Meaning, turns, null);
            rows.Add(row with
            {
                Figures = new Dictionary<string, Spread>(row.Figures)
                {
                    ["toFirst"] = Spread.Of(row.Figures["p50"].Median / (rows.Count == 0 ? row : rows[0]).Figures["p50"].Median),
                    ["seeding"] = Spread.Of(seconds),
                    ["bytes"] = Spread.Of(await cluster.ScalarAsync<long>("SELECT pg_database_size(current_database())", cancellationToken) / 1024.0 / 1024),
                },
            });
            run.Say(FormattableString.Invariant($"{size:N0} lots: p50 {row.Figures["p50"].Median:N2} ms, p99 {row.Figures["p99"].Median:N2} ms"));
        }

        await contender.LeaveAsync(cluster, cancellationToken);
        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["mode"] = contender.Name,
            ["callers"] = "1",
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ["lots of each member"] = LotsOfMember.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "p50",
            Columns = [.. TurnColumns.Latencies, new Column("seeding", "seeding s", 0), new Column("bytes", "database MiB", 0)],
            Rows = rows,
            Targets =
            [
                new Target(
                    $"{contender.Name}, p50 at {sizes[^1]:N0} lots to {sizes[0]:N0} lots", Bound, false, rows[^1].Figures["toFirst"].Median, " ×"),
            ],
            Notes = [ledger],
        };
    }
}
