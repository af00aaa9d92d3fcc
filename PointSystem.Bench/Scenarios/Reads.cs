using System.Globalization;
using System.Net;
using PointSystem.Api.Jobs;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.Local.Processes;
using PointSystem.TestKit;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures reads from the cache, the standby and the primary, balances in the past, and what reads cost the writes beside them.</summary>
internal sealed record Reads() : Scenario("reads", "reads from cache, standby and primary, balances a year ago, and writes beside nine times as many reads")
{
    private const string Cache = "cache", Primary = "primary", Standby = "standby";
    private const int MemberCount = 10_000;

    // Read often enough to be in the cache.
    private const int Readers = 16, ReadMembers = 200;
    private const int WritesPerSecond = 100, ReadsPerSecond = 9 * WritesPerSecond;
    private const long LotAmount = 100_000;
    private const int LotsOfLong = 100;
    private const double PastMax = 2, WritesMin = 0.9;
    private static readonly int[] Histories = [1_000, 1_000_000];
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(8);

    // Each replica reads from another place.
    private static readonly string[] Places = [Cache, Primary, Standby];

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options with { Replicas = Places.Length };
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? Readers;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 3);
        var port = Ports.Next();
        await using var cluster = await new BenchRun(options, run).StartClusterAsync(
            local =>
            {
                (local.BalanceCache, local.StandbyPort) = (true, port);
                local.ReplicaEnvironment = name => Places.Where((_, number) => name != $"api-{number + 1}").Where(place => place != Primary)
                    .ToDictionary(place => $"ConnectionStrings__points-{place}", _ => (string?)null);
                local.ApiEnvironment["Telemetry__Metrics__Prometheus"] = "true";
            },
            cancellationToken);
        await Seeder.AddAsync(cluster, 1, MemberCount, 2, LotAmount, cancellationToken);
        await using var standby = await LocalStandby.StartAsync(
            cluster.Local.ConnectionString, Path.Combine(cluster.Local.DataDirectory, Standby), port, cancellationToken);
        run.Say("The standby is ready.");

        var runner = new RoundRunner(run, cluster);
        var turns = new Dictionary<string, List<Turn>>();
        var before = await SourcesAsync(cluster, cancellationToken);
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var list in new[] { "balance", "history" })
            {
                // Only balances are in the cache.
                foreach (var place in Places.Where(place => list == "balance" || place != Cache))
                {
                    var load = new ClosedLoop(
                        [At(cluster.Local.Replicas[Array.IndexOf(Places, place)])], callers, caller => new Members.Uniform(1, ReadMembers, caller + 1))
                    {
                        Reads = host => new ReadRequest(host, $"/api/points/{list}/"),
                    };
                    await KeepAsync($"{list}, {place}", round, () => load.Run(round == 0 ? WarmUp : time));
                }
            }
        }

        var sources = (await SourcesAsync(cluster, cancellationToken)).Zip(before, (after, first) => after.ToDictionary(
            source => source.Key, source => source.Value - first[source.Key])).ToList();
        await cluster.SetModeAsync("distributed", cancellationToken);
        for (var round = 0; round <= rounds; round++)
        {
            var writes = new OpenLoop(cluster.Targets(false), WritesPerSecond, caller => new Members.Uniform(1, MemberCount, caller + 1));
            var reads = new OpenLoop(cluster.Targets(false), ReadsPerSecond, caller => new Members.Uniform(1, MemberCount, caller + 101))
            {
                Reads = host => new ReadRequest(host, "/api/points/balance/"),
            };
            var turn = round == 0 ? WarmUp : time;
            await KeepAsync("writes alone", round, () => runner.Count(writes.Run(turn)));
            var reading = Task.Run(() => reads.Run(turn), cancellationToken);
            await KeepAsync("writes beside reads", round, () => runner.Count(writes.Run(turn)));
            Keep("reads beside writes", round, await reading);
        }

        // Before the long histories, whose entries belong to no usage.
        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var year = TimeProvider.System.GetUtcNow().AddYears(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        for (var i = 0; i < Histories.Length; i++)
        {
            await AddLongAsync(run, cluster, MemberCount + 1 + i, Histories[i], cancellationToken);
        }

        await Seeder.SettleAsync(cluster, cancellationToken);
        for (var round = 0; round <= rounds; round++)
        {
            for (var i = 0; i < Histories.Length; i++)
            {
                var load = new ClosedLoop([At(cluster.Local.Replicas[1])], 1, _ => new Members.One(MemberCount + 1 + i))
                {
                    Reads = host => new ReadRequest(host, "/api/points/balance/", $"?asOf={year}"),
                };
                await KeepAsync(Past(Histories[i]), round, () => load.Run(time));
            }
        }

        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["members read"] = ReadMembers.ToString(CultureInfo.InvariantCulture),
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ["beside each other"] = FormattableString.Invariant($"{WritesPerSecond} writes and {ReadsPerSecond} reads a second"),
        }, cancellationToken);
        var toAlone = TurnColumns.Ratio(turns["writes beside reads"], turns["writes alone"]);
        var pastRatio = Spread.Of(turns[Past(Histories[1])].Zip(turns[Past(Histories[0])], (many, few) => many.P50 / few.P50));
        return report with
        {
            Charted = "perSecond",
            Columns =
            [
                new Column("perSecond", "requests/s", 0, WithSpread: true),
                new Column("p50", "p50 ms", 2, WithSpread: true),
                new Column("p99", "p99 ms", 1, WithSpread: true),
                new Column("errors", "errors", 0),
            ],
            Rows = [.. turns.Select(row => TurnColumns.Row(row.Key, "", row.Value, null))],
            Targets =
            [
                new Target($"p50 of a balance a year ago, {Histories[1]:N0} entries to {Histories[0]:N0}", PastMax, false, pastRatio.Median, " ×"),
                new Target("writes beside nine times as many reads, to writes alone", WritesMin, true, toAlone.Median, " ×"),
            ],
            Notes =
            [
                .. Places.Zip(sources, (place, counts) => $"Replica with {place}: " + string.Join(
                    ", ", counts.Where(count => count.Value > 0).Select(count => FormattableString.Invariant($"{count.Value:N0} reads answered by the {count.Key}"))) + "."),
                "Balances and histories: straight to a replica that reads from this place, by callers that each send the next read when they have the answer. "
                    + "Writes and reads beside each other: through the gateway, at a fixed rate, measured from the time at which each was due; a third of the "
                    + "members is read from each place.",
                .. RoundRunner.ErrorNotes(turns),
                ledger,
            ],
        };

        async Task KeepAsync(string name, int round, Func<Turn> measure) => Keep(name, round, await Task.Run(measure, cancellationToken));

        void Keep(string name, int round, Turn turn)
        {
            run.Say(FormattableString.Invariant(
                $"round {round}/{rounds}  {name,-28} {turn.PerSecond,8:N0}/s  p50 {turn.P50,6:N2} ms  p99 {turn.P99,7:N2} ms  errors {turn.Errors}"));
            if (round > 0)
            {
                turns.TryAdd(name, []);
                turns[name].Add(turn);
            }
        }
    }

    private static string Past(int entries) => string.Create(CultureInfo.InvariantCulture, $"a year ago, {entries:N0} entries");

    private static IPEndPoint At(Replica replica) => new(IPAddress.Parse(replica.Url.Host), replica.Url.Port);

    /// <summary>How many reads each replica has answered, by source.</summary>
    private static async Task<IReadOnlyList<Dictionary<string, long>>> SourcesAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        var all = new List<Dictionary<string, long>>();
        foreach (var replica in cluster.Local.Replicas)
        {
            var metrics = await http.GetStringAsync(new Uri(replica.Url, "/metrics"), cancellationToken);
            all.Add(Places.ToDictionary(place => place, place => MetricsText.Sum(metrics, "pointsystem_reads_total", $"source=\"{place}\"")));
        }

        return all;
    }

    /// <summary>
    /// Adds a member with two years of entries, evenly spread: its lots, and then a point taken and given back again and again. With the checkpoints that
    /// the job would make.
    /// </summary>
    private static async Task AddLongAsync(BenchRun run, BenchCluster cluster, long member, int entries, CancellationToken cancellationToken)
    {
        await Seeder.AddAsync(cluster, member, 1, LotsOfLong, LotAmount, cancellationToken);
        await cluster.ExecuteAsync(
            string.Create(CultureInfo.InvariantCulture, $"""
            ALTER TABLE point_ledger_entries DISABLE TRIGGER USER;
            UPDATE point_ledger_entries SET occurred_at = date_trunc('second', now()) - interval '2 years' WHERE member_id = {member};
            ALTER TABLE point_ledger_entries ENABLE TRIGGER USER;
            INSERT INTO point_ledger_entries
                (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor, reason)
            SELECT {member}, n, n, CASE WHEN n % 2 = 1 THEN 'USE' ELSE 'USE_CANCEL' END, 'use_bench', (n - 1) / 2 % {LotsOfLong} + 1,
                CASE WHEN n % 2 = 1 THEN -1 ELSE 1 END, {LotsOfLong * LotAmount} - n % 2,
                date_trunc('second', now()) - interval '2 years' * (1 - n::float8 / {entries}), 'bench', NULL
            FROM generate_series({LotsOfLong + 1}, {entries}) AS n;
            UPDATE member_wallets SET version = {entries}, last_entry_at = now() WHERE member_id = {member};
            """),
            cancellationToken);
        await CheckpointJob.KeepAsync(cluster.Database, new CheckpointWallet(member, entries, 0, 0, true), CheckpointJob.EntriesMin, cancellationToken);
        run.Say(FormattableString.Invariant($"{entries:N0} entries of a member"));
    }
}
