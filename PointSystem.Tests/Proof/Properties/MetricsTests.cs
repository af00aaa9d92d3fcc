using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;
using PointSystem.Tests.Locking.Combining;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Property 10: the metrics say what has happened, exactly; each fault moves the series that its alarm watches, and a clean run moves none.</summary>
public sealed class MetricsTests
{
    private const string Attempts = "pointsystem.lock.attempts";
    private const string Acquire = "pointsystem.lock.acquire";
    private const string Calls = "pointsystem.lock.store.calls";
    private const string Commands = "pointsystem.lock.commands";
    private const string Held = "pointsystem.lock.hold.duration";

    private static readonly string[] Outcomes = ["acquired", "contended", "timed_out", "fallback", "cancelled", "row_only", "error"];

    /// <summary>What the alarms of deploy/prometheus/alerts.yml go by, as far as it is about locks.</summary>
    private static readonly string[] Alarming =
    [
        $"{Acquire} outcome=timed_out", $"{Acquire} outcome=error", "pointsystem.lock.lost_leases", "pointsystem.lock.breaker.changes to=open",
    ];

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, settings);

    [Fact]
    public async Task Outcomes_UnderFaultsOfAllKinds_SumToTheAttemptsAndToTheCommands()
    {
        var random = new SafeRandom(10);
        (string, string)[] settings =
        [
            ("Locking:Operations:point:use:member:WaitSeconds", "0.4"), ("Locking:Operations:point:accumulate:member:WaitSeconds", "0.4"),
            ("Locking:Combining:KeyQueueMax", "12"), ("Locking:Breaker:ProbeInterval", "00:00:00.050"),
        ];
        await using var one = await StartAsync(settings);
        await using var two = await StartAsync(settings);
        using var sumsOfOne = new MeterSums(one.Meters);
        using var sumsOfTwo = new MeterSums(two.Meters);
        using var storm = new CancellationTokenSource();
        _store.Before = (_, token) => storm.IsCancellationRequested ? Task.CompletedTask : random.Next(60) switch
        {
            0 => throw new LockStoreException("store-internal", isAmbiguous: true),
            1 => throw new LockStoreException("unexpected", isAmbiguous: true),
            2 => Task.Delay(Timeout.Infinite, token),
            < 20 => Task.Delay(random.Next(15), token),
            _ => Task.CompletedTask,
        };
        var seen = await Task.WhenAll(new[] { one, two }.Select(replica => StormAsync(replica, random)));
        await storm.CancelAsync();
        foreach (var (replica, sums, history) in new[] { (one, sumsOfOne, seen[0]), (two, sumsOfTwo, seen[1]) })
        {
            await Eventually.HoldsAsync(() => replica.Executor.Snapshot(1).ActiveKeys == 0, "idle keys vanish");
            await replica.StopAsync();
            Assert.Equal(sums[Attempts], Outcomes.Sum(outcome => sums[$"{Acquire} outcome={outcome}"]));
            Assert.Equal(sums[Attempts], sums[Acquire]);
            Assert.Equal(sums[Acquire], sums.CountOf("pointsystem.lock.wait.duration"));
            Assert.Equal(0, sums[$"{Acquire} outcome=error"]);

            // Against what the store was asked, what was held, and what callers saw.
            var (granted, refused, left) = (sums[$"{Calls} result=acquired"], sums[$"{Calls} result=contended"], sums[$"{Calls} result=cancelled"]);
            Assert.Equal(granted, sums[$"{Acquire} outcome=acquired"]);
            Assert.Equal(sums[$"{Calls} call=try_lock"] - granted - refused - left, sums[$"{Acquire} outcome=fallback"]);
            Assert.Equal(sums[$"{Acquire} outcome=acquired"] + sums[$"{Acquire} outcome=fallback"], sums.CountOf(Held));
            Assert.Equal(history.Direct["refused"], sums[$"{Acquire} outcome=contended"]);
            foreach (var outcome in new[] { "executed", "failed", "timed_out", "cancelled", "refused" })
            {
                Assert.Equal((outcome, history.Queued[outcome]), (outcome, sums[$"{Commands} outcome={outcome}"]));
            }
            Assert.Equal(history.Queued.Values.Sum(), sums[Commands]);
        }

        // Not for want of faults.
        Assert.All(["acquired", "contended", "timed_out", "fallback", "cancelled", "row_only"], outcome =>
            Assert.InRange(sumsOfOne[$"{Acquire} outcome={outcome}"] + sumsOfTwo[$"{Acquire} outcome={outcome}"], 1, long.MaxValue));
        Assert.All(["executed", "failed", "timed_out", "cancelled", "refused"], outcome =>
            Assert.InRange(seen.Sum(history => history.Queued[outcome]), 1, long.MaxValue));
    }

    [Fact]
    public async Task Series_CleanRun_NoneOfAnAlarmMoves()
    {
        await using var one = await StartAsync();
        await using var two = await StartAsync();
        using var sums = new MeterSums(one.Meters);
        one.Handler.During = two.Handler.During = async (_, _) => await Task.Yield();
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => (i % 2 == 0 ? one : two).UseAsync(i % 7, $"{i}")));
        await one.StopAsync();
        Assert.All(Alarming, series => Assert.Equal((series, 0), (series, sums[series])));
        Assert.InRange(sums[Attempts], 7, 400);
    }

    [Fact]
    public async Task Series_HolderDoesNotGiveBack_TimedOutMoves()
    {
        await using var replica = await StartAsync(("Locking:Operations:point:use:member:WaitSeconds", "0.3"));
        using var sums = new MeterSums(replica.Meters);
        await _store.TryLockAsync("point:use:member:1", "somebody", 60, Token);
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums[$"{Acquire} outcome=timed_out"] == 1, "the alarm's series moves");
    }

    [Fact]
    public async Task Series_StoreForgetsALock_LostLeasesMoves()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        replica.Handler.During = (_, _) =>
        {
            _store.Forget();
            return Task.CompletedTask;
        };
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.lost_leases"] == 1, "the alarm's series moves");
    }

    [Fact]
    public async Task Series_StoreAway_BreakerMovesAndMovesBack()
    {
        await using var replica = await StartAsync(("Locking:Breaker:ProbeInterval", "00:00:00.050"));
        using var sums = new MeterSums(replica.Meters);
        _store.Before = (_, _) => throw new LockStoreException("sidecar-unavailable", isAmbiguous: false);
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.breaker.changes to=open"] == 1, "the breaker opens");
        _store.Before = null;
        await Eventually.HoldsAsync(() => sums["pointsystem.lock.breaker.changes to=closed"] == 1, "it closes by itself");
    }

    /// <summary>Commands through the queue, some in mode row, some from callers who leave; direct single attempts beside them. Answers with what callers saw.</summary>
    private static async Task<(Dictionary<string, long> Queued, Dictionary<string, long> Direct)> StormAsync(CombiningReplica replica, SafeRandom random)
    {
        var queued = new Dictionary<string, long> { ["executed"] = 0, ["failed"] = 0, ["timed_out"] = 0, ["cancelled"] = 0, ["refused"] = 0 };
        var direct = new Dictionary<string, long> { ["refused"] = 0 };
        replica.Mode.Of = type => type == typeof(Once) ? LockMode.Row : null;
        replica.Handler.Judge = failure => failure is TimeoutException ? BatchFault.Busy : BatchFault.RolledBack;
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
                using var leaving = new CancellationTokenSource();
                var asking = AskAsync(replica, member, random.Next(30) == 0 ? "poison" : "x", random.Next(2) == 0, leaving.Token);
                if (random.Next(8) == 0)
                {
                    // Not before it has asked: who has left by then has asked for nothing.
                    leaving.CancelAfter(random.Next(20));
                }
                Count(queued, await asking);
            }
        }, Token)));
        return (queued, direct);
    }

    private static async Task<string> AskAsync(CombiningReplica replica, long member, string text, bool isUse, CancellationToken leaving)
    {
        try
        {
            await (isUse
                ? replica.Executor.ExecuteAsync(new Use(member, text), leaving)
                : replica.Executor.ExecuteAsync(new Transfer(member, member + 1, text), leaving));
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
            return leaving.IsCancellationRequested ? "cancelled" : throw new InvalidOperationException("Cancelled by nobody.");
        }
    }

    // In mode row a failure is the caller's; it is not a command of the queue.
    private static async Task RowAsync(CombiningReplica replica, long member)
    {
        try
        {
            await replica.Executor.ExecuteAsync(new Once(member, "row"), Token);
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

    /// <summary>A seeded source that many may draw from.</summary>
    private sealed class SafeRandom(int seed)
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
