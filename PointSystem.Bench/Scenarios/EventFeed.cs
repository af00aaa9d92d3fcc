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
    private const int RoundsDefault = 20;
    private const double SecondsDefault = 2;
    private const double WarmUpDefault = 60;
    private const int Replays = 3;
    private static readonly TimeSpan Change = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LoadMax = TimeSpan.FromHours(1);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var rounds = options.Rounds ?? RoundsDefault;
        var callers = options.Callers ?? ContenderRun.CallersDefault;
        var time = TimeSpan.FromSeconds(options.Seconds ?? SecondsDefault);
        var warmUp = TimeSpan.FromSeconds(options.WarmUp ?? WarmUpDefault);
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
        var lags = new Dictionary<string, List<double>>();
        foreach (var (name, load) in loads)
        {
            await CompareAsync(name, load);
        }

        await CatchUpAsync(subscriber, received, cancellationToken);
        var replays = new List<Turn>();
        for (var round = 1; round <= Replays; round++)
        {
            replays.Add(await ReplayAsync(cluster, received.Count, cancellationToken));
            run.Say(FormattableString.Invariant($"replay {round}/{Replays}  {replays[^1].PerSecond:N0} events/s"));
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
                .. TurnColumns.Processors,
            ],
            Rows =
            [
                .. loads.SelectMany(load => new[]
                {
                    TurnColumns.Row(load.Name, "no subscriber", turns[load.Name], null),
                    WithLag(TurnColumns.Row(Subscribed(load.Name), "one consumer of the stream", turns[Subscribed(load.Name)], null), load.Name),
                }),
                TurnColumns.Row("replay", "one consumer reads all events again", replays, null),
            ],
            Targets =
            [
                .. loads.Select(load => new Target($"{load.Name} with a subscriber to without", RatioMin, true, ToAlone(load.Name).Median, " ×")),
                new Target("events/s of a replay", ReplayMin, true, Spread.Of(replays.Select(replay => replay.PerSecond)).Median),
                new Target("lag p99 under uniform load", LagMax, false, Spread.Of(lags["uniform"]).Median, " ms"),
            ],
            Notes =
            [
                .. RoundRunner.ErrorNotes(turns),
                FormattableString.Invariant($"The subscriber received {received.Count:N0} events, {received.NotNew:N0} of them again or out of order."),
                ledger,
            ],
        };

        // The load goes on while the subscriber comes and goes, so that the two are compared within seconds and in the same state.
        async Task CompareAsync(string name, ClosedLoop load)
        {
            var slices = new List<Slice>();
            IReadOnlyList<Recording> recordings = [];
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var running = Task.Run(() => load.Run(LoadMax, inspect: all => recordings = all, stop: stop.Token), cancellationToken);
            try
            {
                // The subscriber connects to the next replica each time, and each must have compiled what it runs for it.
                for (var i = 0; i < 2 * options.Replicas; i++)
                {
                    await PassAsync(running, i % 2 == 1, warmUp / (2 * options.Replicas));
                }

                for (var round = 0; round < rounds; round++)
                {
                    // In turn, so that neither is always the one with the larger tables.
                    slices.Add(await PassAsync(running, round % 2 == 0, time));
                    slices.Add(await PassAsync(running, round % 2 == 1, time));
                }
            }
            finally
            {
                await stop.CancelAsync();
                runner.Count(await running);
            }

            turns[name] = [.. slices.Where(slice => !slice.IsSubscribed).Select(Measured)];
            turns[Subscribed(name)] = [.. slices.Where(slice => slice.IsSubscribed).Select(Measured)];
            lags[name] = [.. slices.Where(slice => slice.IsSubscribed).Select(slice => Percentile.Of<double>([.. slice.Lags.Order()], 99))];
            for (var round = 0; round < rounds; round++)
            {
                var (alone, beside) = (turns[name][round].PerSecond, turns[Subscribed(name)][round].PerSecond);
                run.Say(FormattableString.Invariant(
                    $"round {round + 1}/{rounds}  {name,-8} {alone,8:N0}/s alone, {beside,8:N0}/s subscribed, {beside / alone:N2}, lag p99 {lags[name][round]:N0} ms"));
            }

            Turn Measured(Slice slice) => Recording.Slice(recordings, slice.From, slice.To) with { Cpu = slice.Cpu };
        }

        // The subscriber first reads what happened while it was away, so there is a pause first, also if there is no subscriber.
        async Task<Slice> PassAsync(Task running, bool isSubscribed, TimeSpan length)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var consuming = isSubscribed ? subscriber.RunAsync(stop.Token) : Task.CompletedTask;
            await Task.Delay(Change, cancellationToken);
            received.TakeLags();
            var (from, processors) = (Stopwatch.GetTimestamp(), ProcessorTime.Read(cluster));
            await Task.Delay(length, cancellationToken);
            var slice = new Slice(
                isSubscribed, from, Stopwatch.GetTimestamp(), received.TakeLags(), ProcessorTime.Between(processors, ProcessorTime.Read(cluster)));
            await stop.CancelAsync();
            await consuming;
            return running.IsCompleted ? throw new BenchException("The load ended before it was stopped.") : slice;
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

    /// <summary>Consumes until no more events arrive.</summary>
    private static async Task CatchUpAsync(FeedConsumer subscriber, EventMeter received, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var consuming = subscriber.RunAsync(stop.Token);
        for (var before = -1; received.Count > before;)
        {
            before = received.Count;
            await Task.Delay(Quiet, cancellationToken);
        }

        await stop.CancelAsync();
        await consuming;
    }

    private static async Task<Turn> ReplayAsync(BenchCluster cluster, int events, CancellationToken cancellationToken)
    {
        var received = new EventMeter();
        using var consumer = NewConsumer(cluster, received);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (watch, processors) = (Stopwatch.StartNew(), ProcessorTime.Read(cluster));
        var consuming = consumer.RunAsync(stop.Token);
        while (received.Count < events)
        {
            await Task.Delay(10, cancellationToken);
        }

        var replay = Recording.Merge([], watch.Elapsed.TotalSeconds) with { Requests = events, Cpu = ProcessorTime.Between(processors, ProcessorTime.Read(cluster)) };
        await stop.CancelAsync();
        await consuming;
        return replay;
    }

    /// <summary>A part of a load.</summary>
    private sealed record Slice(bool IsSubscribed, long From, long To, IReadOnlyList<double> Lags, IReadOnlyDictionary<string, double> Cpu);
}
