using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>
/// A lock that its holder does not give back, as after the death of a replica, where commands wait for it: the row lock decides, so waiting
/// has an end.
/// </summary>
public sealed class BypassTests
{
    private const string Key = "point:use:member:1";

    private readonly FakeTimeProvider _clock = new();
    private readonly MemoryLockStore _store;

    public BypassTests() => _store = new MemoryLockStore(_clock);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) => CombiningReplica.StartAsync(
        _store, _clock, [("Locking:Combining:QueueLanes", "0"), ("Locking:KeepFor", "00:00:00"), .. settings]);

    [Fact]
    public async Task ExecuteAsync_HolderGone_GoesOnUnderTheRowLockAfterOnePatience()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        await _store.TryLockAsync(Key, "dead", 10, Token);
        var began = _clock.GetTimestamp();
        Assert.Equal("done 0", await WhileTimePassesAsync(replica.UseAsync(1, "0")));
        Assert.InRange(_clock.GetElapsedTime(began), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.5));

        // No time passes for the rest: each turn makes the one attempt that tells whether the key is free again.
        var asked = _store.Asked.Count;
        for (var use = 1; use <= 20; use++)
        {
            Assert.Equal($"done {use}", await SoonAsync(replica.UseAsync(1, $"{use}")));
        }
        var turns = _store.Asked.Count - asked + 1;
        Assert.InRange(turns, 2, 21);
        Assert.Equal("dead", _store.OwnerOf(Key));
        Assert.Equal((turns, 0), (sums["pointsystem.lock.acquire outcome=bypassed"], sums["pointsystem.lock.acquire outcome=fallback"]));
        Assert.Equal(turns, sums["pointsystem.lock.attempts"]);
        Assert.Equal((turns, 0), (replica.Executor.Snapshot(1).LastMinute.Bypasses, replica.Executor.Snapshot(1).LastMinute.Fallbacks));

        await replica.IdleAsync();
        _store.Forget();
        Assert.Equal("done free", await replica.UseAsync(1, "free"));
        Assert.Equal(1, sums["pointsystem.lock.acquire outcome=acquired"]);
    }

    [Fact]
    public async Task ExecuteAsync_HolderGoneAndMuchTimeLater_HasPatienceAgain()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync(Key, "dead", 10, Token);
        await WhileTimePassesAsync(replica.UseAsync(1, "first"));
        await replica.IdleAsync();
        _clock.Advance(TimeSpan.FromSeconds(15));
        await AssertWaitsForTheNextHolderAsync(replica);
    }

    [Fact]
    public async Task ExecuteAsync_HolderAliveAgain_HasPatienceAgain()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync(Key, "slow", 10, Token);
        await WhileTimePassesAsync(replica.UseAsync(1, "first"));
        await replica.IdleAsync();
        _store.Forget();
        await replica.UseAsync(1, "second");
        await Eventually.HoldsAsync(() => !_store.IsHeld(Key), "the lock is released");
        await AssertWaitsForTheNextHolderAsync(replica);
    }

    /// <summary>The same lock in other sets of locks.</summary>
    [Fact]
    public async Task ExecuteAsync_HolderGone_TransfersToOthersDoNotWaitEither()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync(Key, "dead", 10, Token);
        await WhileTimePassesAsync(replica.UseAsync(1, "first"));
        await replica.IdleAsync();
        for (var to = 2; to < 8; to++)
        {
            Assert.Equal("done t", await SoonAsync(replica.Executor.ExecuteAsync(new Transfer(1, to, "t"), Token)));
        }
    }

    /// <summary>A batch that takes long ends after the patience, and with it half of the waits of those behind it.</summary>
    [Fact]
    public async Task ExecuteAsync_WaitedBehindALongBatch_StillGoesOnWithinItsWait()
    {
        await using var replica = await StartAsync();
        var (gate, first) = await replica.BlockFirstAsync("first");
        var behind = replica.UseAsync(1, "behind");
        _clock.Advance(TimeSpan.FromSeconds(4));
        _store.Forget();
        await _store.TryLockAsync(Key, "dead", 60, Token);
        gate.SetResult();
        await first;
        Assert.Equal("done behind", await WhileTimePassesAsync(behind));
    }

    [Theory]
    [InlineData("0.6", "0.3")]
    [InlineData("1.2", "0.6")]
    [InlineData("5", "1")]
    public async Task ExecuteAsync_ShortWait_LeavesHalfOfItForTheRow(string wait, string patience)
    {
        await using var replica = await StartAsync(("Locking:Operations:point:use:member:WaitSeconds", wait));
        await _store.TryLockAsync(Key, "dead", 60, Token);
        var began = _clock.GetTimestamp();
        await WhileTimePassesAsync(replica.UseAsync(1, "a"));
        var least = TimeSpan.FromSeconds(double.Parse(patience, System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(_clock.GetElapsedTime(began), least, least + TimeSpan.FromMilliseconds(100));
        Assert.InRange(Assert.Single(replica.Handler.RowLockWaits), TimeSpan.FromMilliseconds(25), TimeSpan.FromSeconds(5) - least);
    }

    [Fact]
    public async Task ExecuteAsync_OneOfTwoLocksKept_TakesTheOtherAndGivesItBack()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync("point:use:member:2", "dead", 60, Token);
        var isOtherHeld = false;
        replica.Handler.During = (_, _) =>
        {
            isOtherHeld = _store.IsHeld("point:accumulate:member:1");
            return Task.CompletedTask;
        };
        Assert.Equal("done t", await WhileTimePassesAsync(replica.Executor.ExecuteAsync(new Transfer(2, 1, "t"), Token)));
        Assert.True(isOtherHeld);
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:accumulate:member:1"), "it is given back");
        Assert.Equal("dead", _store.OwnerOf("point:use:member:2"));
    }

    [Fact]
    public async Task ExecuteAsync_BothLocksKept_HasPatienceOnceForBoth()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync("point:use:member:2", "dead", 60, Token);
        await _store.TryLockAsync("point:accumulate:member:1", "dead", 60, Token);
        var began = _clock.GetTimestamp();
        Assert.Equal("done t", await WhileTimePassesAsync(replica.Executor.ExecuteAsync(new Transfer(2, 1, "t"), Token)));
        Assert.InRange(_clock.GetElapsedTime(began), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.5));
    }

    [Theory]
    [InlineData("Locking:OnLockTimeout", "Refuse", "Locking:Patience", "00:00:01")]
    [InlineData("Locking:OnLockTimeout", "bypass", "Locking:Operations:point:use:member:OnLockTimeout", "refuse")]
    public async Task ExecuteAsync_Refuse_WaitsAndIsRefused(string first, string firstValue, string second, string secondValue)
    {
        await using var replica = await StartAsync((first, firstValue), (second, secondValue));
        await _store.TryLockAsync(Key, "dead", 60, Token);
        var began = _clock.GetTimestamp();
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => WhileTimePassesAsync(replica.UseAsync(1, "a")));
        Assert.InRange(_clock.GetElapsedTime(began), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5.5));
        Assert.Empty(replica.Handler.Batches);
    }

    [Fact]
    public async Task ExecuteAsync_RefuseForOneOperation_OthersGoOn()
    {
        await using var replica = await StartAsync(
            ("Locking:OnLockTimeout", "refuse"), ("Locking:Operations:point:accumulate:member:OnLockTimeout", "Bypass"));
        await _store.TryLockAsync("point:accumulate:member:1", "dead", 60, Token);
        Assert.Equal("done a", await WhileTimePassesAsync(replica.Executor.ExecuteAsync(new Accumulate(1, "a"), Token)));
    }

    /// <summary>Its lock is the other's, which has time; the single attempt is refused when the lock is not had at once, or by then at the latest.</summary>
    [Fact]
    public async Task ExecuteAsync_SingleAttemptBesideOthers_IsNeverExecutedWithoutTheLock()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync("point:cancel:usage:1", "dead", 60, Token);
        var asking = new TaskCompletionSource();
        var isAsked = new TaskCompletionSource();
        _store.Before = (_, _) =>
        {
            isAsked.TrySetResult();
            return asking.Task;
        };
        var once = replica.Executor.ExecuteAsync(new NoWaitCommand(1, "once"), Token);
        var again = replica.Executor.ExecuteAsync(new WaitingCommand(1, "again"), Token);
        await isAsked.Task;
        asking.SetResult();
        Assert.Equal("done again", await WhileTimePassesAsync(again));
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => once);
        Assert.Equal("again", Assert.Single(Assert.Single(replica.Handler.Batches)).Text);
    }

    [Fact]
    public async Task AcquireAsync_FromCode_IsRefusedWhateverTheSettings()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync(Key, "dead", 60, Token);
        Assert.Null(await WhileTimePassesAsync(replica.Locks.TryAcquireAsync(Key, new LockOptions(), Token)));
    }

    [Theory]
    [InlineData("Locking:OnLockTimeout", "7")]
    [InlineData("Locking:OnLockTimeout", "wait")]
    [InlineData("Locking:Operations:point:use:member:OnLockTimeout", "0")]
    [InlineData("Locking:Operations:point:use:member:OnLockTimeout", "wait")]
    [InlineData("Locking:Patience", "00:00:00")]
    [InlineData("Locking:Patience", "00:02:00")]
    public async Task Start_SettingThatCannotBe_IsRefusedByName(string key, string value)
    {
        var failure = await Record.ExceptionAsync(() => StartAsync((key, value)));
        Assert.NotNull(failure);
        Assert.Contains(key.Split(':')[^1], failure.ToString(), StringComparison.Ordinal);
        Assert.True(failure is OptionsValidationException or InvalidOperationException, failure.ToString());
    }

    [Fact]
    public async Task Owner_OfALock_NamesReplicaAndTrace()
    {
        await using var replica = await StartAsync(("Replica:Name", "api-7"));
        replica.Handler.During = (_, _) => Task.CompletedTask;
        await replica.UseAsync(1, "a");
        await replica.UseAsync(1, "b");
        var owners = _store.Owners.ToList();
        Assert.Equal(owners.Count, owners.Distinct().Count());
        Assert.All(owners, owner => Assert.Matches("^api-7/([0-9a-f]{32}|-)/[0-9a-f]{32}$", owner));
    }

    /// <summary>After one bypass: another holder takes the lock, and a command waits until that one releases it.</summary>
    private async Task AssertWaitsForTheNextHolderAsync(CombiningReplica replica)
    {
        Assert.True(await _store.TryLockAsync(Key, "next", 10, Token));
        var asked = _store.Asked.Count;
        var waiting = replica.UseAsync(1, "waiting");
        await Eventually.HoldsAsync(() => _store.Asked.Count > asked, "the command asks for the lock");
        Assert.False(waiting.IsCompleted);
        _store.Forget();
        Assert.Equal("done waiting", await WhileTimePassesAsync(waiting));
        Assert.Equal(1, replica.Executor.Snapshot(1).LastMinute.Bypasses);
    }

    /// <summary>The clock stands still, so a command that waits for it would hang the test.</summary>
    private static Task<string> SoonAsync(Task<string> call) => call.WaitAsync(TimeSpan.FromSeconds(60), Token);

    /// <summary>Moves the clock on in small steps until the call has its end.</summary>
    private async Task<T> WhileTimePassesAsync<T>(Task<T> call)
    {
        await _clock.PassUntilAsync(() => call.IsCompleted, "the call has its end");
        return await call;
    }
}
