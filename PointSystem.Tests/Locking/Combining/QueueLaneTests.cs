using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>A command that is refused its lock waits for its row, in the database's queue, and delays no other command there.</summary>
public sealed class QueueLaneTests
{
    private const string Key = "point:use:member:1";

    private readonly FakeTimeProvider _clock = new();
    private readonly MemoryLockStore _store;

    public QueueLaneTests() => _store = new MemoryLockStore(_clock);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) => CombiningReplica.StartAsync(_store, _clock, settings);

    /// <summary>The clock stands still: whoever waited for it would hang the test.</summary>
    [Fact]
    public async Task ExecuteAsync_LockHeldElsewhere_GoesOnAtOnceAfterOneAttempt()
    {
        await using var replica = await StartAsync();
        using var sums = new MeterSums(replica.Meters);
        await _store.TryLockAsync(Key, "other", 10, Token);
        for (var use = 0; use < 20; use++)
        {
            Assert.Equal($"done {use}", await SoonAsync(replica.UseAsync(1, $"{use}")));
        }
        Assert.Equal("other", _store.OwnerOf(Key));
        var turns = _store.Asked.Count - 1;
        Assert.InRange(turns, 1, 20);
        Assert.Equal((turns, turns), (sums["pointsystem.lock.attempts"], sums["pointsystem.lock.acquire outcome=queued"]));
        Assert.Equal((turns, 0), (replica.Executor.Snapshot(1).LastMinute.Queued, replica.Executor.Snapshot(1).LastMinute.Bypasses));
        Assert.All(replica.Handler.RowLockWaits, wait => Assert.InRange(wait, TimeSpan.FromMilliseconds(25), TimeSpan.FromMilliseconds(100)));
    }

    [Fact]
    public async Task ExecuteAsync_SingleAttemptBesideOthers_IsNeverExecutedWithoutTheLock()
    {
        await using var replica = await StartAsync();
        await _store.TryLockAsync("point:cancel:usage:1", "other", 60, Token);
        var isAsked = new TaskCompletionSource();
        var asking = new TaskCompletionSource();
        _store.Before = (_, _) =>
        {
            isAsked.TrySetResult();
            return asking.Task;
        };
        var again = replica.Executor.ExecuteAsync(new WaitingCommand(1, "again"), Token);
        await isAsked.Task;
        var once = replica.Executor.ExecuteAsync(new NoWaitCommand(1, "once"), Token);
        asking.SetResult();
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => SoonAsync(once));
        Assert.Equal("done again", await SoonAsync(again));
        Assert.Equal("again", Assert.Single(Assert.Single(replica.Handler.Batches)).Text);
    }

    /// <summary>The lane leaves the busy row's commands to the queue lane; those of other rows are committed at once.</summary>
    [Fact]
    public async Task ExecuteAsync_RowBusy_OthersOfTheBatchAreNotDelayed()
    {
        await using var replica = await StartAsync(("Locking:Combining:Lanes", "1"));
        var (gate, first) = await replica.BlockFirstAsync("first");
        var isBusy = true;
        replica.Handler.IsBusy = command => command.MemberId == 2 && Volatile.Read(ref isBusy);
        var busy = Enumerable.Range(0, 5).Select(i => replica.UseAsync(2, $"{i}")).ToList();
        var accumulated = replica.Executor.ExecuteAsync(new Accumulate(2, "too"), Token);
        var free = Enumerable.Range(3, 5).Select(member => replica.UseAsync(member, "free")).ToList();
        await Eventually.HoldsAsync(() => replica.Executor.Snapshot(1).ActiveKeys == 8, "all are queued");
        gate.SetResult();
        await SoonAsync(Task.WhenAll([first, .. free]));
        Assert.False(accumulated.IsCompleted || busy.Exists(call => call.IsCompleted));
        Volatile.Write(ref isBusy, false);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"done {i}"), await SoonAsync(Task.WhenAll(busy)));
        Assert.Equal("done too", await SoonAsync(accumulated));
        Assert.Equal(12, replica.Executor.Snapshot(1).LastMinute.Executed);
        var inOrder = replica.Handler.Batches.Last(batch => batch.OfType<Use>().Any(use => use.MemberId == 2)).OfType<Use>().Where(use => use.MemberId == 2);
        Assert.Equal(inOrder.OrderBy(use => use.Text, StringComparer.Ordinal), inOrder);
    }

    /// <summary>While as many transactions as may wait for rows, a refused command waits for the lock, not for its row.</summary>
    [Fact]
    public async Task ExecuteAsync_AllPlacesBesideTheLanesTaken_WaitsForTheLock()
    {
        await using var replica = await StartAsync(("Locking:Combining:DetoursMax", "1"));
        var isBusy = true;
        replica.Handler.IsBusy = command => command.MemberId == 2 && Volatile.Read(ref isBusy);
        var held = new TaskCompletionSource();
        replica.Handler.During = (commands, _) => commands.Any(command => command.MemberId == 2) && replica.Handler.RowLockWaits.LastOrDefault() > TimeSpan.FromSeconds(1)
            ? held.Task
            : Task.CompletedTask;
        var beside = replica.UseAsync(2, "beside");
        await WaitsBesideAsync(replica);

        await _store.TryLockAsync(Key, "other", 10, Token);
        var asked = _store.Asked.Count;
        var refused = replica.UseAsync(1, "refused");
        await Eventually.HoldsAsync(() => _store.Asked.Count > asked, "it has been refused");
        Assert.DoesNotContain(replica.Handler.Batches, batch => batch.Any(command => command.MemberId == 1));
        await _clock.PassUntilAsync(() => _store.Asked.Count > asked + 3, "it asks again");
        _store.Forget();
        Volatile.Write(ref isBusy, false);
        held.SetResult();
        await _clock.PassUntilAsync(() => beside.IsCompleted && refused.IsCompleted, "both have their ends");
        Assert.Equal(["done beside", "done refused"], await Task.WhenAll(beside, refused));
        Assert.Equal(0, replica.Executor.Snapshot(1).LastMinute.Queued);
    }

    /// <summary>In mode adaptive a row that is busy for a moment needs no lock, unless no further row could be waited for.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ExecuteAsync_AdaptiveRowBusyForAMoment_LockOnlyIfNoPlaceIsLeft(bool isFull)
    {
        await using var replica = await StartAsync(("Locking:Combining:DetoursMax", "1"));
        replica.Mode.Mode = LockMode.Adaptive;
        var held = new TaskCompletionSource();
        replica.Handler.IsBusy = command => command.MemberId == 2 && !held.Task.IsCompleted;
        replica.Handler.During = (commands, _) =>
            commands[0].MemberId == 2 && replica.Handler.RowLockWaits.LastOrDefault() > TimeSpan.FromSeconds(1) ? held.Task : Task.CompletedTask;
        var beside = isFull ? replica.UseAsync(2, "beside") : Task.FromResult("");
        if (isFull)
        {
            await WaitsBesideAsync(replica);
        }

        var attempts = 0;
        replica.Handler.IsBusy = command => command.MemberId == 1 && Interlocked.Increment(ref attempts) == 1;
        Assert.Equal("done first", await SoonAsync(replica.UseAsync(1, "first")));
        Assert.Equal(2, replica.Handler.Batches.Count(batch => batch[0].MemberId == 1));
        Assert.Equal("done second", await SoonAsync(replica.UseAsync(1, "second")));
        Assert.Equal(isFull ? [Key] : [], _store.Asked);
        held.SetResult();
        await SoonAsync(beside);
    }

    [Theory]
    [InlineData("Locking:Combining:QueueLanes", "-1")]
    [InlineData("Locking:Combining:QueueLanes", "65")]
    [InlineData("Locking:KeepFor", "-00:00:01")]
    [InlineData("Locking:KeepFor", "00:02:00")]
    public async Task Start_SettingThatCannotBe_IsRefusedByName(string key, string value)
    {
        var failure = await Record.ExceptionAsync(() => StartAsync((key, value)));
        Assert.NotNull(failure);
        Assert.Contains(key.Split(':')[^1], failure.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Waits until a command waits for its row beside the lanes: its attempt in the lane, which waits for no row, has ended.</summary>
    private static Task WaitsBesideAsync(CombiningReplica replica) => Eventually.HoldsAsync(
        () => replica.Handler.Running == 1 && replica.Handler.RowLockWaits.LastOrDefault() > TimeSpan.FromSeconds(1), "it waits beside the lanes");

    private static Task<T> SoonAsync<T>(Task<T> call) => call.WaitAsync(TimeSpan.FromSeconds(60), Token);
}
