using System.Collections.Concurrent;
using PointSystem.Locking;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking;

/// <summary>The breaker, the clean-up and the counters, on a store whose faults the test controls.</summary>
public sealed class LockFaultTests
{
    private static readonly LockOptions NoWait = new() { Wait = TimeSpan.Zero, Lease = TimeSpan.FromSeconds(5) };

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    [Fact]
    public async Task TryAcquireAsync_StoreNeverAnswers_FallsBackAndASingleCallerOpensTheBreaker()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        _store.Before = (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, token);
        var handle = await replica.Locks.TryAcquireAsync("k:1", NoWait, Token);
        Assert.True(handle!.IsFallback);
        await handle.DisposeAsync();
        await Eventually.HoldsAsync(() => replica.Monitor.IsFallback, "the breaker is open");
        Assert.Equal("timeout", replica.Monitor.FallbackReason);

        // While the breaker is open, the store is not asked.
        _store.Asked.Clear();
        await using (var next = await replica.Locks.TryAcquireAsync("k:2", NoWait, Token))
        {
            Assert.True(next!.IsFallback);
        }
        Assert.DoesNotContain("k:2", _store.Asked);

        _store.Before = null;
        await Eventually.HoldsAsync(() => !replica.Monitor.IsFallback, "the breaker has closed");
        await using var last = await replica.Locks.TryAcquireAsync("k:3", NoWait, Token);
        Assert.False(last!.IsFallback);
        Assert.Equal(1, replica.Count("pointsystem.lock.breaker.changes to=open"));
        Assert.Equal(1, replica.Count("pointsystem.lock.breaker.changes to=closed"));
    }

    [Fact]
    public async Task TryAcquireAsync_SingleFailure_FallsBackOnceAndLeavesTheBreakerClosed()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        var failures = 1;
        _store.Before = (_, _) => Interlocked.Decrement(ref failures) >= 0
            ? throw new LockStoreException("store-internal", isAmbiguous: true)
            : Task.CompletedTask;
        await using (var first = await replica.Locks.TryAcquireAsync("k:1", NoWait, Token))
        {
            Assert.True(first!.IsFallback);
        }
        await Eventually.HoldsAsync(() => replica.Count("pointsystem.lock.store.calls call=clean_up") == 2, "the attempt was cleaned up twice");
        await using var second = await replica.Locks.TryAcquireAsync("k:1", NoWait, Token);
        Assert.False(second!.IsFallback);
        Assert.Equal(0, replica.Count("pointsystem.lock.breaker.changes"));
    }

    [Fact]
    public async Task TryAcquireAsync_Contention_NeverOpensTheBreaker()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        await _store.TryLockAsync("k:1", "another owner", 60, Token);
        for (var attempt = 0; attempt < 300; attempt++)
        {
            Assert.Null(await replica.Locks.TryAcquireAsync("k:1", NoWait, Token));
        }
        Assert.False(replica.Monitor.IsFallback);
        Assert.Equal(300, replica.Count("pointsystem.lock.acquire outcome=contended"));
    }

    [Fact]
    public async Task TryAcquireAsync_CallersCancel_NeverOpensTheBreakerAndLeavesNoHold()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        _store.AfterTryLock = token => Task.Delay(Timeout.InfiniteTimeSpan, token);
        for (var attempt = 0; attempt < 20; attempt++)
        {
            using var cancel = new CancellationTokenSource(5);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => replica.Locks.TryAcquireAsync($"k:{attempt}", NoWait, cancel.Token));
        }
        _store.AfterTryLock = null;
        await Eventually.HoldsAsync(() => !Enumerable.Range(0, 20).Any(attempt => _store.IsHeld($"k:{attempt}")), "no hold is left");
        Assert.Equal(20, replica.Count("pointsystem.lock.acquire outcome=cancelled"));
        Assert.Equal(0, replica.Count("pointsystem.lock.breaker.changes"));
    }

    [Fact]
    public async Task TryAcquireAsync_AnswerLost_ReleasesTheHoldLongBeforeItsLeaseEnds()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        var lost = 1;
        _store.AfterTryLock = token => Interlocked.Decrement(ref lost) >= 0 ? Task.Delay(Timeout.InfiniteTimeSpan, token) : Task.CompletedTask;
        var handle = await replica.Locks.TryAcquireAsync("k:1", NoWait with { Lease = TimeSpan.FromMinutes(10) }, Token);
        Assert.True(handle!.IsFallback);
        await Eventually.HoldsAsync(() => !_store.IsHeld("k:1"), "the ghost hold is released");
        await Eventually.HoldsAsync(() => replica.Count("pointsystem.lock.ghosts") == 1, "the ghost hold is counted");
        await handle.DisposeAsync();
    }

    [Fact]
    public async Task TryAcquireAsync_SlowRefusal_IsCleanedUpAsAPossibleGhost()
    {
        await using var replica = await LockReplica.StartAsync(_store, [], ("Locking:AttemptTimeout", "00:00:01"));
        await _store.TryLockAsync("k:1", "another owner", 60, Token);
        _store.Before = (call, token) => call == "try_lock" ? Task.Delay(TimeSpan.FromMilliseconds(600), token) : Task.CompletedTask;
        Assert.Null(await replica.Locks.TryAcquireAsync("k:1", NoWait, Token));
        await Eventually.HoldsAsync(() => replica.Count("pointsystem.lock.store.calls call=clean_up") == 2, "its owner is unlocked twice");
        // Only with its own owner: the current holder keeps the lock.
        Assert.True(_store.IsHeld("k:1"));
        Assert.Equal(0, replica.Count("pointsystem.lock.ghosts"));
    }

    [Fact]
    public async Task StartAsync_WarmUp_MakesAGrantARefusalAndAnUnlock()
    {
        var calls = new ConcurrentQueue<string>();
        _store.Before = (call, _) =>
        {
            calls.Enqueue(call);
            return Task.CompletedTask;
        };
        await using var replica = await LockReplica.StartAsync(_store, []);
        Assert.Equal(["try_lock", "try_lock", "unlock"], calls);
    }

    [Fact]
    public async Task DisposeAsync_LeaseLost_IsCountedWithoutAnError()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        var forgotten = await replica.Locks.AcquireAsync("k:1", NoWait, Token);
        _store.Forget();
        await forgotten.DisposeAsync();
        await Eventually.HoldsAsync(() => replica.Count("pointsystem.lock.lost_leases status=DoesNotExist") == 1, "the lost lease has been counted");

        var stolen = await replica.Locks.AcquireAsync("k:2", NoWait, Token);
        _store.Forget();
        await _store.TryLockAsync("k:2", "another owner", 60, Token);
        await stolen.DisposeAsync();
        await Eventually.HoldsAsync(() => replica.Count("pointsystem.lock.lost_leases status=BelongsToOthers") == 1, "the stolen lease has been counted");
        Assert.True(_store.IsHeld("k:2"));
    }

    [Fact]
    public async Task TryAcquireAsync_ManyCallersOnAFlappingStore_OutcomesAddUpToTheAttempts()
    {
        await using var replica = await LockReplica.StartAsync(_store, [], ("Locking:Breaker:ProbeInterval", "00:00:00.050"));
        var calls = 0;
        _store.Before = (_, _) => Interlocked.Increment(ref calls) / 40 % 2 == 1
            ? throw new LockStoreException("store-internal", isAmbiguous: true)
            : Task.CompletedTask;
        var refused = 0;
        await Task.WhenAll(Enumerable.Range(0, 600).Select(async number =>
        {
            using var cancel = new CancellationTokenSource();
            if (number % 10 == 0)
            {
                cancel.CancelAfter(number % 7);
            }
            try
            {
                var options = NoWait with { Wait = number % 3 == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(200) };
                await using var handle = await replica.Locks.TryAcquireAsync($"k:{number % 5}", options, cancel.Token);
                await Task.Yield();
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref refused);
            }
        }));
        Assert.Equal(600, replica.Count("pointsystem.lock.attempts"));
        Assert.Equal(600, replica.Count("pointsystem.lock.acquire"));
        Assert.Equal(refused, replica.Count("pointsystem.lock.acquire outcome=cancelled"));
        Assert.Equal(0, replica.Count("pointsystem.lock.acquire outcome=error"));
        await Eventually.HoldsAsync(() => replica.Monitor.ActiveKeys == 0, "no key is left behind");
    }

    [Fact]
    public async Task StartAsync_StoreUnavailable_StartsInFallbackAndUsesLocksOnceItIsAvailable()
    {
        _store.Before = (_, _) => throw new LockStoreException("sidecar-unavailable", isAmbiguous: false);
        await using var replica = await LockReplica.StartAsync(_store, []);
        Assert.Equal("sidecar-unavailable", replica.Monitor.FallbackReason);
        await using (var handle = await replica.Locks.TryAcquireAsync("k:1", NoWait, Token))
        {
            Assert.True(handle!.IsFallback);
        }
        _store.Before = null;
        await Eventually.HoldsAsync(() => !replica.Monitor.IsFallback, "locks are in use");
    }

    [Fact]
    public async Task StopAsync_ReleasesPending_WaitsForThem()
    {
        var replica = await LockReplica.StartAsync(_store, []);
        var gate = new TaskCompletionSource();
        var handle = await replica.Locks.AcquireAsync("k:1", NoWait, Token);
        _store.Before = (call, token) => call == "unlock" ? gate.Task.WaitAsync(token) : Task.CompletedTask;
        await handle.DisposeAsync();
        var stopped = replica.DisposeAsync().AsTask();
        Assert.False(stopped.IsCompleted);
        gate.SetResult();
        await stopped;
        Assert.False(_store.IsHeld("k:1"));
    }
}
