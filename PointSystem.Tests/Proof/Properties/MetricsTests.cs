using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;
using PointSystem.Tests.Locking.Combining;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Property 10: the metrics are exact. Each fault changes the series that its alert watches, and a run without faults changes none.</summary>
public sealed class MetricsTests
{
    private const string Attempts = "pointsystem.lock.attempts";
    private const string Acquire = "pointsystem.lock.acquire";
    private const string Calls = "pointsystem.lock.store.calls";
    private const string Commands = "pointsystem.lock.commands";
    private const string Held = "pointsystem.lock.hold.duration";

    private static readonly string[] Outcomes =
        ["acquired", "kept", "contended", "timed_out", "fallback", "queued", "bypassed", "cancelled", "row_only", "error"];

    /// <summary>The lock series that the alerts of deploy/prometheus/alerts.yml use.</summary>
    private static readonly string[] AlertSeries =
    [
        $"{Acquire} outcome=timed_out", $"{Acquire} outcome=error", "pointsystem.lock.lost_leases", "pointsystem.lock.breaker.changes to=open",
    ];

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, settings);

    [Fact]
    public async Task Outcomes_FaultsOfAllKinds_AddUpToTheAttemptsAndTheCommands()
    {
        var random = new ConcurrentRandom(10);
        (string, string)[] settings =
        [
            ("Locking:Operations:point:use:member:WaitSeconds", "0.4"), ("Locking:Operations:point:accumulate:member:WaitSeconds", "0.4"),
            ("Locking:Combining:KeyQueueMax", "12"), ("Locking:Breaker:ProbeInterval", "00:00:00.050"),
            ("Locking:Operations:point:accumulate:member:OnLockTimeout", "refuse"),
        ];
        await using var one = await StartAsync(settings);
        await using var two = await StartAsync([.. settings, ("Locking:Combining:QueueLanes", "0")]);
        using var sumsOfOne = new MeterSums(one.Meters);
        using var sumsOfTwo = new MeterSums(two.Meters);
        using var ending = new CancellationTokenSource();
        _store.Before = (_, token) => ending.IsCancellationRequested ? Task.CompletedTask : random.Next(60) switch
        {
            0 => throw new LockStoreException("store-internal", isAmbiguous: true),
            1 => throw new LockStoreException("unexpected", isAmbiguous: true),
            2 => Task.Delay(Timeout.Infinite, token),
            < 20 => Task.Delay(random.Next(15), token),
            _ => Task.CompletedTask,
        };
        var seen = await Task.WhenAll(new[] { one, two }.Select(replica => SendManyAsync(replica, random)));
        await ending.CancelAsync();
        foreach (var (replica, sums, history) in new[] { (one, sumsOfOne, seen[0]), (two, sumsOfTwo, seen[1]) })
        {
            await Eventually.HoldsAsync(() => replica.Executor.Snapshot(1).ActiveKeys == 0, "idle keys are removed");
            await replica.StopAsync();
            Assert.Equal(sums[Attempts], Outcomes.Sum(outcome => sums[$"{Acquire} outcome={outcome}"]));
            Assert.Equal(sums[Attempts], sums[Acquire]);
            Assert.Equal(sums[Acquire], sums.CountOf("pointsystem.lock.wait.duration"));
            Assert.Equal(0, sums[$"{Acquire} outcome=error"]);

            // Compared with the calls of the store, the holds, and what the callers saw.
            var (granted, refused, left) = (sums[$"{Calls} result=acquired"], sums[$"{Calls} result=contended"], sums[$"{Calls} result=cancelled"]);
            Assert.Equal(granted, sums[$"{Acquire} outcome=acquired"]);
            Assert.Equal(sums[$"{Calls} call=try_lock"] - granted - refused - left, sums[$"{Acquire} outcome=fallback"]);
            var unleased = sums[$"{Acquire} outcome=fallback"] + sums[$"{Acquire} outcome=queued"] + sums[$"{Acquire} outcome=bypassed"];
            Assert.Equal(granted + sums[$"{Acquire} outcome=kept"] + unleased, sums.CountOf(Held));
            Assert.Equal(history.Direct["refused"], sums[$"{Acquire} outcome=contended"]);
            foreach (var outcome in new[] { "executed", "failed", "timed_out", "cancelled", "refused" })
            {
                Assert.Equal((outcome, history.Queued[outcome]), (outcome, sums[$"{Commands} outcome={outcome}"]));
            }
            Assert.Equal(history.Queued.Values.Sum(), sums[Commands]);
        }

        // Every kind of outcome did occur.
        Assert.All(Outcomes.Except(["error"]), outcome =>
            Assert.InRange(sumsOfOne[$"{Acquire} outcome={outcome}"] + sumsOfTwo[$"{Acquire} outcome={outcome}"], 1, long.MaxValue));
        Assert.All(["executed", "failed", "timed_out", "cancelled", "refused"], outcome =>
            Assert.InRange(seen.Sum(history => history.Queued[outcome]), 1, long.MaxValue));
    }

    [Fact]
    public async Task Series_NoFaults_NoAlertSeriesChanges()
    {
        await using var one = await StartAsync();
        await using var two = await StartAsync();
        using var sums = new MeterSums(one.Meters);
        one.Handler.During = two.Handler.During = async (_, _) => await Task.Yield();
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => (i % 2 == 0 ? one : two).UseAsync(i % 7, $"{i}")));
        await one.StopAsync();
        Assert.All(AlertSeries, series => Assert.Equal((series, 0), (series, sums[series])));
        Assert.InRange(sums[Attempts], 7, 400);
    }

    [Fact]
    public async Task Series_HolderDoesNotRelease_TimedOutIncreases()
    {
        await using var replica = await StartAsync(
            ("Locking:Operations:point:use:member:WaitSeconds", "0.3"), ("Locking:OnLockTimeout", "refuse"));
        using var sums = new MeterSums(replica.Meters);
        await _store.TryLockAsync("point:use:member:1", "another owner", 60, Token);
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums[$"{Acquire} outcome=timed_out"] == 1, "the series of the alert increases");
    }

    [Fact]
    public async Task Series_StoreLosesALock_LostLeasesIncreases()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        replica.Handler.During = (_, _) =>
        {
            _store.Forget();
            return Task.CompletedTask;
        };
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.lost_leases"] == 1, "the series of the alert increases");
    }

    [Fact]
    public async Task Series_StoreUnavailable_BreakerChangesToOpenAndBack()
    {
        await using var replica = await StartAsync(("Locking:Breaker:ProbeInterval", "00:00:00.050"));
        using var sums = new MeterSums(replica.Meters);
        _store.Before = (_, _) => throw new LockStoreException("sidecar-unavailable", isAmbiguous: false);
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.breaker.changes to=open"] == 1, "the breaker opens");
        _store.Before = null;
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.breaker.changes to=closed"] == 1, "the breaker closes");
    }

    /// <summary>
    /// Sends commands through the queue, some in mode row, some from callers that cancel, and direct lock attempts without wait. Returns the counts
    /// of the outcomes that the callers saw.
    /// </summary>
    private static async Task<(Dictionary<string, long> Queued, Dictionary<string, long> Direct)> SendManyAsync(
        CombiningReplica replica, ConcurrentRandom random)
    {
        var queued = new Dictionary<string, long> { ["executed"] = 0, ["failed"] = 0, ["timed_out"] = 0, ["cancelled"] = 0, ["refused"] = 0 };
        var direct = new Dictionary<string, long> { ["refused"] = 0 };
        replica.Mode.Of = type => type == typeof(NoWaitCommand) ? LockMode.Row : null;
        replica.Handler.Classifier = failure => failure is TimeoutException ? BatchFault.Busy : BatchFault.RolledBack;
        replica.Handler.During = async (batch, token) =>
        {
            await Task.Delay(random.Next(12), token);
            if (batch.Any(command => command.Text == "poison"))
            {
                throw new IOException();
            }
            if (random.Next(25) == 0)
            {
                throw new TimeoutException();
            }
        };
        await Task.WhenAll(Enumerable.Range(0, 60).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                var member = random.Next(3) == 0 ? 1 : random.Next(2, 9);
                if (caller == 0)
                {
                    await using var handle = await replica.Locks.TryAcquireAsync(
                        $"point:use:member:{member}", new LockOptions { Wait = TimeSpan.Zero, Operation = "direct" }, Token);
                    if (handle is null)
                    {
                        Count(direct, "refused");
                    }
                    continue;
                }
                if (caller == 1)
                {
                    await RowAsync(replica, member);
                    continue;
                }
                using var cancelling = new CancellationTokenSource();
                var asking = OutcomeAsync(replica, member, random.Next(30) == 0 ? "poison" : "x", random.Next(2) == 0, cancelling.Token);
                if (random.Next(8) == 0)
                {
                    // Only after the request was made: a request that is cancelled before that is not counted.
                    cancelling.CancelAfter(random.Next(20));
                }
                Count(queued, await asking);
            }
        }, Token)));
        return (queued, direct);
    }

    private static async Task<string> OutcomeAsync(CombiningReplica replica, long member, string text, bool isUse, CancellationToken cancelling)
    {
        try
        {
            await (isUse
                ? replica.Executor.ExecuteAsync(new Use(member, text), cancelling)
                : replica.Executor.ExecuteAsync(new Transfer(member, member + 1, text), cancelling));
            return "executed";
        }
        catch (LockNotAcquiredException)
        {
            return "timed_out";
        }
        catch (QueueFullException)
        {
            return "refused";
        }
        catch (IOException)
        {
            return "failed";
        }
        catch (OperationCanceledException)
        {
            return cancelling.IsCancellationRequested ? "cancelled" : throw new InvalidOperationException("No caller cancelled.");
        }
    }

    // In mode row a failure goes to the caller and is not counted as a command of the queue.
    private static async Task RowAsync(CombiningReplica replica, long member)
    {
        try
        {
            await replica.Executor.ExecuteAsync(new NoWaitCommand(member, "row"), Token);
        }
        catch (Exception failure) when (failure is TimeoutException or IOException)
        {
        }
    }

    private static void Count(Dictionary<string, long> counts, string what)
    {
        lock (counts)
        {
            counts[what]++;
        }
    }

    /// <summary>A seeded random source for concurrent use.</summary>
    private sealed class ConcurrentRandom(int seed)
    {
        private readonly Random _random = new(seed);

        public int Next(int limit) => Next(0, limit);

        public int Next(int from, int limit)
        {
            lock (_random)
            {
                return _random.Next(from, limit);
            }
        }
    }
}
