using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>A lock that nobody else wants is kept for the next command with the same key, and given back when that time is over.</summary>
public sealed class KeptLockTests
{
    private const string Key = "point:use:member:1";

    private readonly FakeTimeProvider _clock = new();
    private readonly MemoryLockStore _store;

    public KeptLockTests() => _store = new MemoryLockStore(_clock);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) => CombiningReplica.StartAsync(_store, _clock, settings);

    [Fact]
    public async Task ExecuteAsync_OneAfterAnother_AskTheStoreOnceAndGiveTheLockBack()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        for (var use = 0; use < 19; use++)
        {
            await replica.UseAsync(1, $"{use}");
            await replica.IdleAsync();
            _clock.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.Single(_store.Asked);
        Assert.Equal((1, 18), (sums["pointsystem.lock.acquire outcome=acquired"], sums["pointsystem.lock.acquire outcome=kept"]));
        await ReleasedAsync();
        Assert.Equal(0, sums["pointsystem.lock.lost_leases status=DoesNotExist"]);
    }

    /// <summary>However often the key is used, its lease is a new one before it could matter to a waiting command.</summary>
    [Fact]
    public async Task ExecuteAsync_UsedAllTheTime_IsAcquiredAgainAndNeverRefusedByItself()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        for (var use = 0; use < 100; use++)
        {
            await replica.UseAsync(1, $"{use}");
            await replica.IdleAsync();
            _clock.Advance(TimeSpan.FromMilliseconds(100));
        }
        Assert.InRange(_store.Asked.Count, 4, 6);
        Assert.Equal(_store.Asked.Count, _store.Owners.Distinct().Count());
        Assert.Equal(_store.Asked.Count, sums["pointsystem.lock.acquire outcome=acquired"]);
        Assert.Equal(100 - _store.Asked.Count, sums["pointsystem.lock.acquire outcome=kept"]);
        Assert.Equal(0, sums["pointsystem.lock.lost_leases status=DoesNotExist"]);
    }

    [Fact]
    public async Task ExecuteAsync_KeptElsewhere_AnotherReplicaLosesNoTime()
    {
        await using var one = await StartAsync();
        await using var two = await StartAsync();
        await one.UseAsync(1, "one");
        await one.IdleAsync();
        Assert.True(_store.IsHeld(Key));
        Assert.Equal("done two", await two.UseAsync(1, "two").WaitAsync(TimeSpan.FromSeconds(60), Token));
        Assert.Equal(1, two.Executor.Snapshot(1).LastMinute.Queued);
    }

    /// <summary>Code that takes the lock of a key of commands does not wait for its own process.</summary>
    [Fact]
    public async Task AcquireAsync_KeptByThisProcess_TakesItOver()
    {
        await using var replica = await StartAsync();
        await replica.UseAsync(1, "a");
        await replica.IdleAsync();
        await using var handle = await replica.Locks.TryAcquireAsync(Key, new LockOptions { Wait = TimeSpan.Zero }, Token);
        Assert.Equal(_store.OwnerOf(Key), handle!.Owner);
        await handle.DisposeAsync();
        await Eventually.HoldsAsync(() => !_store.IsHeld(Key), "a lock taken by code is given back at once");
    }

    [Theory]
    [InlineData("Locking:OnLockTimeout", "refuse")]
    [InlineData("Locking:Operations:point:use:member:WaitSeconds", "0")]
    [InlineData("Locking:KeepFor", "00:00:00")]
    public async Task ExecuteAsync_OthersWouldBeRefused_GivesTheLockBackAtOnce(string key, string value)
    {
        await using var replica = await StartAsync((key, value));
        await replica.UseAsync(1, "a");
        await Eventually.HoldsAsync(() => !_store.IsHeld(Key), "the lock is given back");
    }

    [Fact]
    public async Task ExecuteAsync_AnotherReplicaWantedTheKey_GivesTheLockBackAtOnce()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync(Key, "other", 10, Token);
        await replica.UseAsync(1, "queued");
        await replica.IdleAsync();
        _store.Forget();
        var asked = _store.Asked.Count;
        await replica.UseAsync(1, "acquired");
        Assert.Equal(asked + 1, _store.Asked.Count);
        await Eventually.HoldsAsync(() => !_store.IsHeld(Key), "the lock is given back");
    }

    [Fact]
    public async Task StopAsync_LocksAreKept_GivesAllBack()
    {
        var replica = await StartAsync();
        await Task.WhenAll(Enumerable.Range(1, 200).Select(member => replica.UseAsync(member, "a")));
        await replica.IdleAsync();
        await replica.StopAsync();
        Assert.DoesNotContain(Enumerable.Range(1, 200), member => _store.IsHeld($"point:use:member:{member}"));
        await replica.DisposeAsync();
    }

    /// <summary>A store that was away may have lost the locks, so none of them is used any more.</summary>
    [Fact]
    public async Task ExecuteAsync_StoreAway_FallsBackInsteadOfUsingAKeptLock()
    {
        await using var replica = await StartAsync();
        await replica.UseAsync(1, "a");
        await replica.UseAsync(2, "b");
        await replica.IdleAsync();
        await AwayAsync(replica);
        _store.Forget();
        await replica.UseAsync(1, "c");
        Assert.Equal(2, replica.Executor.Snapshot(1).LastMinute.Fallbacks);

        _store.Before = null;
        await _clock.PassUntilAsync(() => !replica.Monitor.IsFallback, "the breaker is closed");
        using var sums = new MeterSums(replica.Meters);
        await replica.UseAsync(2, "d");
        Assert.Equal(1, sums["pointsystem.lock.acquire outcome=acquired"]);
        await replica.StopAsync();
        Assert.Equal(0, sums["pointsystem.lock.lost_leases status=DoesNotExist"]);
    }

    /// <summary>Otherwise each of them would stand in the way of everybody, its own process included, until its lease ends.</summary>
    [Fact]
    public async Task ExecuteAsync_StoreWasAwayAndHasTheLocks_TheyAreGivenBackWhenItAnswers()
    {
        await using var replica = await StartAsync();
        await replica.UseAsync(1, "a");
        await replica.UseAsync(2, "b");
        await replica.IdleAsync();
        await AwayAsync(replica);
        await replica.UseAsync(2, "without a lock");
        var since = _clock.GetUtcNow();
        _store.Before = null;
        await _clock.PassUntilAsync(() => !replica.Monitor.IsFallback, "the breaker is closed");
        Assert.True(_store.IsHeld(Key));
        using var sums = new MeterSums(replica.Meters);
        await replica.UseAsync(2, "c");
        Assert.Equal((1, 0), (sums["pointsystem.lock.acquire outcome=acquired"], sums["pointsystem.lock.acquire outcome=queued"]));
        await ReleasedAsync();
        Assert.True(_clock.GetUtcNow() - since < TimeSpan.FromSeconds(5), "before its lease ends");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StopAsync_BreakerIsOpen_GivesTheLocksBackIfTheStoreAnswers(bool answers)
    {
        var replica = await StartAsync();
        await Task.WhenAll(Enumerable.Range(1, 200).Select(member => replica.UseAsync(member, "a")));
        await replica.IdleAsync();
        await AwayAsync(replica);
        var asked = 0;
        _store.Before = (_, _) =>
        {
            Interlocked.Increment(ref asked);
            return answers ? Task.CompletedTask : throw new LockStoreException("unreachable", isAmbiguous: false);
        };
        await replica.StopAsync();
        Assert.Equal(answers ? 0 : 200, Enumerable.Range(1, 200).Count(member => _store.IsHeld($"point:use:member:{member}")));
        Assert.InRange(asked, 1, answers ? 250 : 100);
        await replica.DisposeAsync();
    }

    private async Task AwayAsync(CombiningReplica replica)
    {
        _store.Before = (_, _) => throw new LockStoreException("unreachable", isAmbiguous: false);
        await replica.UseAsync(999, "the first to notice");
        await Eventually.HoldsAsync(() => replica.Monitor.IsFallback, "the breaker is open");
    }

    /// <summary>A pause of the process that outlasts the lease.</summary>
    [Fact]
    public async Task ExecuteAsync_LeaseOver_AcquiresAnew()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        await replica.UseAsync(1, "a");
        await replica.IdleAsync();
        _clock.Advance(TimeSpan.FromSeconds(30));
        await replica.UseAsync(1, "b");
        Assert.Equal(2, _store.Asked.Count);
        Assert.Equal(2, sums["pointsystem.lock.acquire outcome=acquired"]);
        Assert.Equal(0, sums["pointsystem.lock.lost_leases status=DoesNotExist"]);
    }

    private Task ReleasedAsync() => _clock.PassUntilAsync(() => !_store.IsHeld(Key), "the lock is given back");
}
