using System.Diagnostics;
using System.Globalization;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.TestKit;

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures what a subscriber of the event feed costs, how late events arrive, and how fast the ledger is replayed.</summary>
internal sealed record EventFeed()
    : Scenario("events", "hot and uniform load with and without a subscriber of the event feed, the lag of events, and a replay")
{
    private const double RatioMin = 0.95;
    private const double ReplayMin = 5_000;
    private const double LagMax = 1_000;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Change = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var rounds = options.Rounds ?? 3;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 5);
        await using var cluster = await run.StartClusterAsync(null, cancellationToken);
        await ContenderRun.SeedAsync(cluster, cancellationToken);
        await cluster.SetModeAsync("distributed", cancellationToken);

        var runner = new RoundRunner(run, cluster);
        var targets = cluster.Targets(options.Straight);
        (string Name, ClosedLoop Load)[] loads =
        [
            ("hot", new ClosedLoop(targets, callers, _ => new Members.One(1))),
            ("uniform", new ClosedLoop(targets, callers, caller => new Members.Uniform(1, ContenderRun.MemberCount, caller + 1))),
        ];
        var received = new EventMeter();
        using var subscriber = NewConsumer(cluster, received);
        var turns = new Dictionary<string, List<Turn>>();
        var lags = loads.ToDictionary(load => load.Name, _ => new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (name, load) in loads)
            {
                // In turn, so that neither is always the one with the larger tables.
                var isAloneFirst = round % 2 == 1;
                var first = await MeasureAsync(load, round, !isAloneFirst);
                var second = await MeasureAsync(load, round, isAloneFirst);
                var (alone, beside) = isAloneFirst ? (first, second) : (second, first);
                if (round == 0)
                {
                    continue;
                }

                Keep(name, alone.Turn);
                Keep(Subscribed(name), beside.Turn);
                lags[name].Add(Percentile.Of<double>([.. beside.Lags.Order()], 99));
                run.Say(FormattableString.Invariant(
                    $"round {round}/{rounds}  {name,-8} {alone.Turn.PerSecond,8:N0}/s alone, {beside.Turn.PerSecond,8:N0}/s subscribed, lag p99 {lags[name][^1]:N0} ms"));
            }

            void Keep(string name, Turn turn)
            {
                turns.TryAdd(name, []);
                turns[name].Add(turn);
            }
        }

        var replays = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            replays.Add(await ReplayAsync(cluster, received.Count, cancellationToken));
            run.Say(FormattableString.Invariant($"replay {round + 1}/{rounds}  {replays[^1]:N0} events/s"));
        }

        var ledger = await runner.CheckLedgerAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["members"] = ContenderRun.MemberCount.ToString(CultureInfo.InvariantCulture),
            ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        return report with
        {
            Charted = "perSecond",
            Columns =
            [
                new Column("perSecond", "requests/s or events/s", 0, WithSpread: true),
                new Column("toAlone", "to no subscriber", 2, WithSpread: true),
                new Column("p50", "p50 ms", 1),
                new Column("p99", "p99 ms", 1),
                new Column("lag", "lag p99 ms", 0, WithSpread: true),
            ],
            Rows =
            [
                .. loads.SelectMany(load => new[]
                {
                    TurnColumns.Row(load.Name, "no subscriber", turns[load.Name], null),
                    WithLag(TurnColumns.Row(Subscribed(load.Name), "one consumer of the stream", turns[Subscribed(load.Name)], null), load.Name),
                }),
                new Row("replay", "one consumer reads all events again", new Dictionary<string, Spread> { ["perSecond"] = Spread.Of(replays) }),
            ],
            Targets =
            [
                .. loads.Select(load => new Target($"{load.Name} with a subscriber to without", RatioMin, true, ToAlone(load.Name).Median, " ×")),
                new Target("events/s of a replay", ReplayMin, true, Spread.Of(replays).Median),
                new Target("lag p99 under uniform load", LagMax, false, Spread.Of(lags["uniform"]).Median, " ms"),
            ],
            Notes =
            [
                .. RoundRunner.ErrorNotes(turns),
                FormattableString.Invariant($"The subscriber received {received.Count:N0} events, {received.NotNew:N0} of them again or out of order."),
                ledger,
            ],
        };

        // The load before was another one, and its events may have to be read still, so each turn comes after a warm-up and a pause.
        async Task<(Turn Turn, IReadOnlyList<double> Lags)> MeasureAsync(ClosedLoop load, int round, bool isSubscribed)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var consuming = isSubscribed ? subscriber.RunAsync(stop.Token) : Task.CompletedTask;
            runner.Count(await Task.Run(() => load.Run(Change), cancellationToken));
            await CatchUpAsync(received, cancellationToken);
            received.TakeLags();
            var turn = await runner.MeasureAsync(() => Task.Run(() => load.Run(round == 0 ? WarmUp : time), cancellationToken), cancellationToken);
            await CatchUpAsync(received, cancellationToken);
            await stop.CancelAsync();
            await consuming;
            return (turn, received.TakeLags());
        }

        Row WithLag(Row row, string name) => row with
        {
            Figures = new Dictionary<string, Spread>(row.Figures) { ["toAlone"] = ToAlone(name), ["lag"] = Spread.Of(lags[name]) },
        };

        Spread ToAlone(string name) => TurnColumns.Ratio(turns[Subscribed(name)], turns[name]);
    }

    private static string Subscribed(string name) => name + ", one subscriber";

    private static FeedConsumer NewConsumer(BenchCluster cluster, EventMeter received) =>
        new([.. cluster.Local.Replicas.Select(replica => replica.Url)], cluster.Local.AdminToken, received.Add);

    /// <summary>Waits until no more events arrive.</summary>
    private static async Task CatchUpAsync(EventMeter received, CancellationToken cancellationToken)
    {
        for (var before = -1; received.Count > before;)
        {
            before = received.Count;
            await Task.Delay(Quiet, cancellationToken);
        }
    }

    private static async Task<double> ReplayAsync(BenchCluster cluster, int events, CancellationToken cancellationToken)
    {
        var received = new EventMeter();
        using var consumer = NewConsumer(cluster, received);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watch = Stopwatch.StartNew();
        var consuming = consumer.RunAsync(stop.Token);
        while (received.Count < events)
        {
            await Task.Delay(10, cancellationToken);
        }

        var perSecond = events / watch.Elapsed.TotalSeconds;
        await stop.CancelAsync();
        await consuming;
        return perSecond;
    }
}
