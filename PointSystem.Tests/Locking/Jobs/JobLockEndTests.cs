using System.Collections.Concurrent;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking.Jobs;

/// <summary>However a hold ends, its renewals end with it. The test moves the clock, so that it can check that no renewal follows.</summary>
public sealed class JobLockEndTests : IAsyncLifetime
{
    private const string Key = "point:job:test";
    private const string Second = Key + ":relay";

    private static readonly JobLockOptions Options = new() { Lease = TimeSpan.FromSeconds(3), Cap = TimeSpan.FromSeconds(12) };

    private JobLockHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await JobLockHost.StartAsync();

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task TryAcquireAsync_Held_OneKeyIsHeldAtEveryMomentAndEachIsRenewed()
    {
        await using var held = await TakeAsync();
        var gaps = new ConcurrentQueue<string>();
        Task LookAsync(string when)
        {
            if (!_host.Store.IsHeld(Key) && !_host.Store.IsHeld(Second))
            {
                gaps.Enqueue(when);
            }
            return Task.CompletedTask;
        }
        _host.Store.Before = (call, _) => LookAsync($"before {call}");
        _host.Store.AfterTryLock = _ => LookAsync("after try_lock");
        await _host.PassAsync(Options.Lease * 3, () => LookAsync("between"));
        Assert.Empty(gaps);
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.InRange(_host.Store.Asked.Count(key => key == Key), 4, 20);
        Assert.InRange(_host.Store.Asked.Count(key => key == Second), 4, 20);
        Assert.Equal(_host.Store.Owners.Count, _host.Store.Owners.Distinct().Count());
    }

    [Fact]
    public async Task DisposeAsync_Held_FreesBothKeysAndRenewsNoMore()
    {
        var held = await TakeAsync();
        await _host.PassAsync(Options.Lease);
        await held.DisposeAsync();
        await AssertQuietAsync();
        Assert.False(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task RunAsync_WorkThrows_TheErrorComesThroughAndRenewsNoMore()
    {
        var held = await TakeAsync();
        await Assert.ThrowsAsync<DivideByZeroException>(() => held.RunAsync(_ => throw new DivideByZeroException(), Token));
        await AssertQuietAsync();
    }

    [Fact]
    public async Task RunAsync_CallerCancels_EndsAsCancelledAndRenewsNoMore()
    {
        var held = await TakeAsync();
        using var cancel = new CancellationTokenSource();
        var run = held.RunAsync(token => Task.Delay(Timeout.InfiniteTimeSpan, token), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        await AssertQuietAsync();
    }

    [Fact]
    public async Task RunAsync_CapReached_CancelsTheWorkAndRenewsNoMore()
    {
        var held = await TakeAsync();
        var run = held.RunAsync(token => Task.Delay(Timeout.InfiniteTimeSpan, token), Token);
        await _host.PassAsync(Options.Cap - TimeSpan.FromSeconds(1));
        Assert.False(held.Lost.IsCancellationRequested);
        await _host.PassAsync(TimeSpan.FromSeconds(2));
        var ended = await Assert.ThrowsAsync<LeaseEndedException>(() => run);
        Assert.Equal([Key], ended.Keys);
        await AssertQuietAsync();
    }

    [Fact]
    public async Task TryAcquireAsync_NeverDisposed_EndsByTheCapAlone()
    {
        var held = await TakeAsync();
        await _host.PassAsync(Options.Cap + Options.Lease);
        Assert.True(held.Lost.IsCancellationRequested);
        await AssertQuietAsync();
    }

    [Fact]
    public async Task Lost_StoreGone_FiresWhileAKeyIsHeldAndRenewsNoMore()
    {
        var held = await TakeAsync();
        var stillHeld = false;
        await using var _ = held.Lost.Register(() => stillHeld = _host.Store.IsHeld(Key) || _host.Store.IsHeld(Second));
        await _host.PassAsync(Options.Lease);
        _host.Store.Before = (_, _) => throw new LockStoreException("sidecar-unavailable", isAmbiguous: false);
        await _host.PassAsync(Options.Lease);
        Assert.True(held.Lost.IsCancellationRequested);
        Assert.True(stillHeld);
        _host.Store.Before = null;
        await held.DisposeAsync();
        await AssertQuietAsync();
    }

    [Fact]
    public async Task Lost_StoreForgot_FiresAtTheNextRenewal()
    {
        var held = await TakeAsync();
        _host.Store.Forget();
        await _host.PassAsync(Options.Lease / 2);
        Assert.True(held.Lost.IsCancellationRequested);
        await held.DisposeAsync();
        await AssertQuietAsync();
    }

    [Fact]
    public async Task DisposeAsync_WithinLostCallback_DoesNotHang()
    {
        var held = await TakeAsync();
        var disposed = new TaskCompletionSource();
        await using var _ = held.Lost.Register(() =>
        {
            held.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(30));
            disposed.TrySetResult();
        });
        _host.Store.Forget();
        await _host.PassAsync(Options.Lease / 2);
        await disposed.Task.WaitAsync(TimeSpan.FromSeconds(20), Token);
        await AssertQuietAsync();
    }

    [Fact]
    public async Task DisposeAsync_RenewalUnderWay_LeavesNoHold()
    {
        var held = await TakeAsync();
        var reached = new TaskCompletionSource();
        _host.Store.AfterTryLock = token =>
        {
            // The key is set, but the answer has not arrived.
            reached.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, token);
        };
        await _host.PassAsync(Options.Lease / 2, () => { });
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20), Token);
        await held.DisposeAsync();
        _host.Store.AfterTryLock = null;
        await _host.PassAsync(TimeSpan.FromSeconds(1));
        await AssertQuietAsync();
    }

    [Fact]
    public async Task TryAcquireAsync_SecondKeyHeldElsewhere_IsRefusedAndGivesTheFirstBack()
    {
        await _host.Store.TryLockAsync(Second, "somebody", 60, Token);
        Assert.Null(await _host.Locks.TryAcquireAsync(Key, Options, Token));
        Assert.False(_host.Store.IsHeld(Key));
        Assert.True(_host.Store.IsHeld(Second));
    }

    [Fact]
    public async Task Lost_RepliesLostAtRandom_NeverFiresAfterTheKeysAreGone()
    {
        // Any reply may be lost. As long as the holder believes that it holds the lock, it holds a key.
        var random = new Random(20261123);
        for (var round = 0; round < 5; round++)
        {
            await using var held = await TakeAsync();
            _host.Store.AfterTryLock = _ => random.Next(3) == 0 ? throw new LockStoreException("store-internal", isAmbiguous: true) : Task.CompletedTask;
            await _host.PassAsync(Options.Lease, () => Assert.True(
                held.Lost.IsCancellationRequested || _host.Store.IsHeld(Key) || _host.Store.IsHeld(Second),
                "it believes that it holds the lock, but holds no key"));
            _host.Store.AfterTryLock = null;
            await held.DisposeAsync();
            await _host.PassAsync(Options.Lease * 2);
        }
    }

    private async Task<JobLock> TakeAsync()
    {
        JobLock? held = null;
        await Eventually.HoldsAsync(async () =>
        {
            held = await _host.Locks.TryAcquireAsync(Key, Options, Token);
            if (held is { IsFallback: false })
            {
                return true;
            }
            // The breaker is still open since the last round.
            await _host.PassAsync(TimeSpan.FromSeconds(1));
            return false;
        }, "the job lock is acquired");
        return held!;
    }

    /// <summary>Asserts that no key is held, and that none is requested during four leases.</summary>
    private async Task AssertQuietAsync()
    {
        Assert.False(_host.Store.IsHeld(Key));
        Assert.False(_host.Store.IsHeld(Second));
        _host.Store.Asked.Clear();
        await _host.PassAsync(Options.Lease * 4);
        Assert.Empty(_host.Store.Asked);
    }
}
