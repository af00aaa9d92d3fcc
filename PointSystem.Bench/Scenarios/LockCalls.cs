using System.Diagnostics;
using System.Globalization;
using Dapr.Client;
using Medallion.Threading.Postgres;
using Medallion.Threading.Redis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using PointSystem.Bench.Host;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Servers;
using PointSystem.Bench.Stats;
using PointSystem.Locking;
using RedLockNet.SERedis;
using RedLockNet.SERedis.Configuration;
using StackExchange.Redis;

// Dapr marks its lock API as alpha; docs/locking.md lists what we rely on.
#pragma warning disable DAPR_DISTRIBUTEDLOCK

namespace PointSystem.Bench.Scenarios;

/// <summary>Measures the cost of acquiring and releasing a lock from one process, without any work under it.</summary>
internal sealed record LockCalls() : Scenario("lock", "acquire and release a lock without work under it: one caller on its own keys, and eight on one key")
{
    private const string Sidecar = "Dapr's API, sidecar";
    private const string Product = "PointSystem.Locking";
    private const int ManyCallers = 8;
    private const double BoundMilliseconds = 1;
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    private delegate Task<Func<Task>> Acquire(string key, CancellationToken cancellationToken);

    public override async Task<Report> RunAsync(BenchRun run, CancellationToken cancellationToken)
    {
        var options = run.Options;
        var rounds = options.Rounds ?? 3;
        var time = TimeSpan.FromSeconds(options.Seconds ?? 2);
        await using var cluster = await run.StartClusterAsync(null, cancellationToken);
        using var host = await StartLockingAsync(cluster, cancellationToken);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(cluster.Local.RedisAddress);
        using var redLocks = RedLockFactory.Create([new RedLockMultiplexer(redis)]);
        var contenders = Contenders(host.Services, redis, redLocks, cluster.Local.ConnectionString);
        var figures = new Dictionary<string, List<Figures>>();
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (name, acquire) in contenders)
            {
                foreach (var callers in new[] { 1, ManyCallers })
                {
                    // The sidecar refuses at once, so without the product's queue and polling several callers cannot wait for the lock.
                    if (callers > 1 && name == Sidecar)
                    {
                        continue;
                    }

                    var result = await MeasureAsync(acquire, callers, round == 0 ? WarmUp : time, cancellationToken);
                    var row = callers == 1 ? $"{name}, alone" : $"{name}, {callers} on one key";
                    if (round > 0)
                    {
                        figures.TryAdd(row, []);
                        figures[row].Add(result);
                        var latencies = FormattableString.Invariant($"acquire p50 {result.AcquireP50:N2} ms, release p50 {result.ReleaseP50:N2} ms");
                        run.Say(FormattableString.Invariant($"round {round}/{rounds}  {row,-40} {latencies}, {result.PerSecond:N0}/s"));
                    }
                }
            }
        }

        await host.StopAsync(cancellationToken);
        var report = await run.DescribeAsync(this, cluster, new Dictionary<string, string>
        {
            ["rounds"] = rounds.ToString(CultureInfo.InvariantCulture),
            ["seconds a turn"] = time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        }, cancellationToken);
        var alone = figures[$"{Sidecar}, alone"];
        return report with
        {
            Charted = "acquire50",
            Columns =
            [
                new Column("acquire50", "acquire p50 ms", 2, WithSpread: true), new Column("acquire99", "acquire p99 ms", 2),
                new Column("acquireMax", "longest ms", 0),
                new Column("release50", "release p50 ms", 2, WithSpread: true), new Column("release99", "release p99 ms", 2),
                new Column("perSecond", "locks/s", 0, WithSpread: true), new Column("failed", "not acquired", 0),
            ],
            Rows = [.. figures.OrderBy(row => row.Key.EndsWith("alone", StringComparison.Ordinal) ? 0 : 1).Select(row => RowOf(row.Key, row.Value))],
            Targets =
            [
                new Target(
                    "acquire through the sidecar, alone, p50", BoundMilliseconds, false, Percentile.Median(alone.Select(figure => figure.AcquireP50)), " ms"),
                new Target(
                    "release through the sidecar, alone, p50", BoundMilliseconds, false, Percentile.Median(alone.Select(figure => figure.ReleaseP50)), " ms"),
            ],
            Notes = [$"{Product} releases locks in the background: its release time is what the caller waits for. Callers in one process queue in memory."],
        };
    }

    private static async Task<IHost> StartLockingAsync(BenchCluster cluster, CancellationToken cancellationToken)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var replica = cluster.Local.Replicas[0];
        builder.Configuration["DAPR_GRPC_ENDPOINT"] = $"http://127.0.0.1:{replica.SidecarGrpcPort}";
        builder.Configuration["DAPR_HTTP_ENDPOINT"] = $"http://127.0.0.1:{replica.SidecarHttpPort}";
        builder.AddDistributedLocks();
        var host = builder.Build();
        await host.StartAsync(cancellationToken);
        return host;
    }

    private static List<(string Name, Acquire Acquire)> Contenders(
        IServiceProvider services, ConnectionMultiplexer redis, RedLockFactory redLocks, string connectionString)
    {
        var dapr = services.GetRequiredService<DaprClient>();
        var locks = services.GetRequiredService<IDistributedLocks>();
        var options = new LockOptions { Wait = Wait, Lease = Lease };
        var database = redis.GetDatabase();
        var advisory = new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = Guards.AdvisoryConnections }.ConnectionString;
        return
        [
            (Sidecar, async (key, token) =>
            {
                var owner = Guid.NewGuid().ToString("N");
                var answer = await dapr.Lock("lockstore", key, owner, (int)Lease.TotalSeconds, token);
                return answer.Success ? async () => await dapr.Unlock("lockstore", key, owner, CancellationToken.None) : throw new TimeoutException();
            }),
            (Product, async (key, token) =>
            {
                var handle = await locks.AcquireAsync(key, options, token);
                return () => handle.DisposeAsync().AsTask();
            }),
            (Guards.MedallionRedis, async (key, token) =>
            {
                var handle = await new RedisDistributedLock(key, database, redis => redis.Expiry(Lease)).AcquireAsync(Wait, token);
                return () => handle.DisposeAsync().AsTask();
            }),
            (Guards.MedallionPostgres, async (key, token) =>
            {
                var handle = await new PostgresDistributedLock(new PostgresAdvisoryLockKey(key, allowHashing: true), advisory).AcquireAsync(Wait, token);
                return () => handle.DisposeAsync().AsTask();
            }),
            (Guards.RedLock, async (key, token) =>
            {
                var handle = await redLocks.CreateLockAsync(key, Lease, Wait, Guards.RedLockRetry, token);
                return handle.IsAcquired ? () => handle.DisposeAsync().AsTask() : throw new TimeoutException();
            }),
        ];
    }

    private static async Task<Figures> MeasureAsync(Acquire acquire, int callers, TimeSpan time, CancellationToken cancellationToken)
    {
        var acquired = new List<double>[callers];
        var released = new List<double>[callers];
        var failed = 0;
        var began = Stopwatch.GetTimestamp();
        var run = Guid.NewGuid().ToString("N");
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var (mine, back) = (acquired[caller] = [], released[caller] = []);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var start = Stopwatch.GetTimestamp();
                Func<Task> release;
                try
                {
                    release = await acquire(callers == 1 ? $"bench:{run}:{mine.Count}" : $"bench:{run}", cancellationToken);
                }
                catch (TimeoutException)
                {
                    Interlocked.Increment(ref failed);
                    continue;
                }

                mine.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                start = Stopwatch.GetTimestamp();
                await release();
                back.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }, cancellationToken)));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double[] acquires = [.. acquired.SelectMany(list => list).Order()];
        double[] releases = [.. released.SelectMany(list => list).Order()];
        return new Figures(
            Percentile.Of<double>(acquires, 50), Percentile.Of<double>(acquires, 99), acquires[^1],
            Percentile.Of<double>(releases, 50), Percentile.Of<double>(releases, 99), acquires.Length / seconds, failed);
    }

    private static Row RowOf(string name, List<Figures> rounds) => new(name, "", new Dictionary<string, Spread>
    {
        ["acquire50"] = Spread.Of(rounds.Select(round => round.AcquireP50)),
        ["acquire99"] = Spread.Of(rounds.Select(round => round.AcquireP99)),
        ["acquireMax"] = Spread.Of(rounds.Max(round => round.AcquireMax)),
        ["release50"] = Spread.Of(rounds.Select(round => round.ReleaseP50)),
        ["release99"] = Spread.Of(rounds.Select(round => round.ReleaseP99)),
        ["perSecond"] = Spread.Of(rounds.Select(round => round.PerSecond)),
        ["failed"] = Spread.Of(rounds.Sum(round => round.Failed)),
    });

    private sealed record Figures(double AcquireP50, double AcquireP99, double AcquireMax, double ReleaseP50, double ReleaseP99, double PerSecond, int Failed);
}
