using System.Globalization;
using PointSystem.Bench.Load;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.Local.RabbitMq;
using PointSystem.TestKit;

namespace PointSystem.Bench.Scenarios;

/// <summary>
/// The long proof of events: under load, replicas, the one that publishes, the broker and the consumers are killed at random moments, and sessions of the
/// database are ended in storms. Then the idempotent consumers of the feed and of RabbitMQ must have had exactly one effect of every ledger transaction, in
/// order for each member. The short one is in the tests. It measures nothing but counts, and is no part of "all".
/// </summary>
internal sealed record Consumers()
    : Scenario("consumers", "what consumers of the feed and of RabbitMQ have after a minute in which everything is killed at random, with three seeds")
{
    private const int CallersDefault = 20;
    private const string Queue = "points";
    private const string Feed = "feed";
    private const string Broker = "RabbitMQ";
    private static readonly TimeSpan TimeDefault = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BreakMin = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan BreakSpread = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan CatchUpLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private const string Storm =
        """
        SELECT count(pg_terminate_backend(pid))::bigint FROM pg_stat_activity
        WHERE application_name IN ('pointsystem-api', 'pointsystem-job') AND pid % 3 = $1 AND pid <> pg_backend_pid()
        """;

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var seeds = options.Rounds ?? 3;
        var callers = options.Callers ?? CallersDefault;
        var time = options.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : TimeDefault;
        var directory = Directory.CreateTempSubdirectory("pointsystem-bench-rabbitmq-");
        var server = RabbitMqServer.Find(directory.FullName);
        if (server is null)
        {
            run.Say("rabbitmq-server is not installed: the feed alone has a consumer.");
        }

        await using var names = server is null ? null : Start(server.Names());
        var brokerProcess = server is null ? null : Start(server.Spec());
        try
        {
            await using var cluster = await run.StartClusterAsync(
                local =>
                {
                    // Another replica publishes soon after the death of one.
                    local.ApiEnvironment["Jobs__Lease"] = "00:00:05";
                    if (server is not null)
                    {
                        local.ApiEnvironment["ConnectionStrings__rabbitmq"] = server.Address;
                        local.ApiEnvironment["Events__Sinks__RabbitMq__Queue"] = Queue;
                        local.ApiEnvironment["Events__Sinks__RetryMax"] = "00:00:02";
                    }
                },
                cancellationToken);
            await ContenderRun.SeedAsync(cluster, cancellationToken);
            await cluster.SetModeAsync(Targets.Distributed, cancellationToken);
            var fed = new ReceivedEvents();
            using var feed = new FeedConsumer(
                [cluster.Local.GatewayUrl, .. cluster.Local.Replicas.Select(replica => replica.Url)], cluster.Local.AdminToken, fed.Add)
            {
                StoreEvery = 50,
            };
            var queue = server is null ? null : new QueueConsumer(server.Address, Queue);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var consuming = Task.WhenAll(feed.RunAsync(stop.Token), queue?.RunAsync(stop.Token) ?? Task.CompletedTask);
            var rows = new List<Row>();
            var targets = new List<Target>();
            var notes = new List<string>();
            for (var seed = 1; seed <= seeds; seed++)
            {
                var random = new Random(seed);
                var faults = new SortedDictionary<string, int>(StringComparer.Ordinal);
                var load = new ClosedLoop(cluster.Targets(straight: false), callers, ContenderRun.Zipf.Members) { WithKeys = true };
                using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var loading = Task.Run(() => load.Run(time), cancellationToken);
                while (!loading.IsCompleted)
                {
                    await Task.WhenAny(loading, Task.Delay(BreakMin + (BreakSpread * random.NextDouble()), cancellationToken));
                    if (!loading.IsCompleted)
                    {
                        var fault = await BreakAsync(random);
                        faults[fault] = faults.GetValueOrDefault(fault) + 1;
                    }
                }

                var turn = await loading;
                var expected = await ExpectedAsync(cluster, cancellationToken);
                run.Say(FormattableString.Invariant(
                    $"seed {seed}/{seeds}  {turn.Accepted:N0} uses accepted, {turn.ErrorKinds.Values.Sum():N0} not; {expected.Count:N0} events; waiting for the consumers ..."));
                notes.Add($"Seed {seed}: {string.Join(", ", faults.Select(fault => $"{fault.Value} × {fault.Key}"))}.");
                await CheckAsync(Feed, seed, fed, feed.Connections, turn, expected);
                if (queue is not null)
                {
                    await CheckAsync(Broker, seed, queue.Events, queue.Connections, turn, expected);
                }
            }

            await stop.CancelAsync();
            await consuming;
            var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
            {
                ["callers"] = callers.ToString(CultureInfo.InvariantCulture),
                ["seeds"] = seeds.ToString(CultureInfo.InvariantCulture),
                ["seconds of each"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
                ["replicas"] = options.Replicas.ToString(CultureInfo.InvariantCulture),
            }, cancellationToken);
            return report with
            {
                Charted = "perSecond",
                Columns =
                [
                    new Column("perSecond", "requests/s", 0), new Column("events", "different events", 0), new Column("repeated", "came again", 0),
                    new Column("connections", "connections", 0), new Column("missing", "missing", 0), new Column("order", "out of order", 0),
                    new Column("wrong", "members with a wrong sum", 0),
                ],
                Rows = rows,
                Targets = targets,
                Notes = notes,
            };

            async Task<string> BreakAsync(Random random)
            {
                switch (random.Next(queue is null ? 4 : 6))
                {
                    case 0:
                        feed.Crash();
                        return "consumer of the feed crashed";
                    case 1:
                        await cluster.Local.Replicas[random.Next(cluster.Local.Replicas.Count)].Process.KillAsync(cancellationToken);
                        return "replica killed";
                    case 2 or 3:
                        await using (var storm = cluster.Database.CreateCommand(Storm))
                        {
                            storm.Parameters.AddWithValue(random.Next(3));
                            await storm.ExecuteScalarAsync(cancellationToken);
                        }

                        return "sessions ended";
                    case 4:
                        queue!.Crash();
                        return "consumer of the queue crashed";
                    default:
                        await brokerProcess!.DisposeAsync();
                        brokerProcess = Start(server!.Spec());
                        return "broker killed";
                }
            }

            async Task CheckAsync(string consumer, int seed, ReceivedEvents events, int connections, Turn turn, HashSet<string> expected)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                limit.CancelAfter(CatchUpLimit);
                while (events.All.Count(one => expected.Contains(one.Id)) < expected.Count && !limit.IsCancellationRequested)
                {
                    await Task.Delay(Look, cancellationToken);
                }

                var all = events.All.Where(one => expected.Contains(one.Id)).ToList();
                var wrong = await WrongSumsAsync(cluster, all, cancellationToken);
                var name = string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {consumer}");
                rows.Add(new Row(name, "", new Dictionary<string, Spread>
                {
                    ["perSecond"] = Spread.Of(turn.PerSecond),
                    ["events"] = Spread.Of(all.Count),
                    ["repeated"] = Spread.Of(events.Repeated),
                    ["connections"] = Spread.Of(connections),
                    ["missing"] = Spread.Of(expected.Count - all.Count),
                    ["order"] = Spread.Of(events.OutOfOrder.Count),
                    ["wrong"] = Spread.Of(wrong),
                }));
                targets.Add(new Target($"{name}: missing, out of order or with a wrong sum", 0, false, expected.Count - all.Count + events.OutOfOrder.Count + wrong));
                run.Say(FormattableString.Invariant(
                    $"{name}: {all.Count:N0} events, {events.Repeated:N0} came again, {expected.Count - all.Count} missing, {events.OutOfOrder.Count} out of order, {wrong} wrong sums"));
            }
        }
        finally
        {
            if (brokerProcess is not null)
            {
                await brokerProcess.DisposeAsync();
            }

            directory.Delete(recursive: true);
        }
    }

    private static ChildProcess Start(Local.Processes.ProcessSpec spec) =>
        ChildProcess.Start(spec.FileName, spec.Arguments, spec.Environment, directory: spec.WorkingDirectory);

    /// <summary>The ids of the events of all ledger transactions: each use and each accumulation is one.</summary>
    private static async Task<HashSet<string>> ExpectedAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        var expected = new HashSet<string>(StringComparer.Ordinal);
        await using var command = cluster.Database.CreateCommand(
            "SELECT member_id || '-' || max(sequence) FROM point_ledger_entries GROUP BY member_id, group_sequence");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            expected.Add(reader.GetString(0));
        }

        return expected;
    }

    /// <summary>The number of members whose balance is not the sum of what the consumer got.</summary>
    private static async Task<int> WrongSumsAsync(BenchCluster cluster, IEnumerable<ReceivedEvent> events, CancellationToken cancellationToken)
    {
        var sums = events.GroupBy(one => one.Subject).ToDictionary(member => member.Key, member => member.Sum(one => one.Amount));
        var wrong = 0;
        await using var command = cluster.Database.CreateCommand("SELECT member_id::text, balance FROM member_wallets");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            wrong += sums.GetValueOrDefault(reader.GetString(0)) == reader.GetInt64(1) ? 0 : 1;
        }

        return wrong;
    }
}
