using Microsoft.Extensions.Time.Testing;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>A lane waits a moment for lock requests that are under way, so that their commands share its transaction.</summary>
public sealed class GatheringTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly MemoryLockStore _store;
    private readonly TaskCompletionSource _answers = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public GatheringTests() => _store = new MemoryLockStore(_clock);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, _clock, [("Locking:Combining:Lanes", "1"), ("Locking:AttemptTimeout", "00:00:01"), .. settings]);

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task ExecuteAsync_LocksUnderWay_TheirCommandsShareTheTransaction(int members)
    {
        await using var replica = await StartAsync();
        var later = await AskAsync(replica, members);
        var first = replica.UseAsync(1, "first");
        await HasHandedOverAsync(replica, later.Count);
        Assert.Empty(replica.Handler.Batches);
        _answers.SetResult();
        await Task.WhenAll([first, .. later]);
        Assert.Equal(members, Assert.Single(replica.Handler.Batches).Count);
    }

    /// <summary>A request without an answer delays one transaction, for <c>GatherMax</c>, and no further one.</summary>
    [Fact]
    public async Task ExecuteAsync_NoAnswer_IsWaitedForOnceAndNotForLong()
    {
        await using var replica = await StartAsync();
        var later = await AskAsync(replica, 3);
        var first = replica.UseAsync(1, "first");
        await HasHandedOverAsync(replica, later.Count);
        var since = _clock.GetTimestamp();
        await _clock.PassUntilAsync(() => first.IsCompleted, "it has been executed");
        Assert.InRange(_clock.GetElapsedTime(since), TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(500));
        await Eventually.HoldsAsync(() => replica.Monitor.ActiveKeys == later.Count, "its turn is over");

        // The clock stands still from here on.
        Assert.Equal("done second", await replica.UseAsync(1, "second").WaitAsync(TimeSpan.FromSeconds(30), Token));
        Assert.DoesNotContain(later, call => call.IsCompleted);
        _answers.SetResult();
        await Task.WhenAll(later);
    }

    [Fact]
    public async Task ExecuteAsync_GatherMaxZero_WaitsForNobody()
    {
        await using var replica = await StartAsync(("Locking:Combining:GatherMax", "00:00:00"));
        var later = await AskAsync(replica, 3);
        Assert.Equal("done first", await replica.UseAsync(1, "first").WaitAsync(TimeSpan.FromSeconds(30), Token));
        _answers.SetResult();
        await Task.WhenAll(later);
    }

    /// <summary>Waits until member 1 has its lock and its command is with the lane, which others have not reached.</summary>
    private Task HasHandedOverAsync(CombiningReplica replica, int others) =>
        Eventually.HoldsAsync(() => _store.IsHeld("point:use:member:1") && replica.Executor.Waiting == others, "it is with the lane");

    /// <summary>Starts a use of each member from 2 to <paramref name="last"/>, whose locks are under way until the test answers.</summary>
    private async Task<List<Task<string>>> AskAsync(CombiningReplica replica, int last)
    {
        var asked = 0;
        _store.Before = (_, _) =>
        {
            Interlocked.Increment(ref asked);
            return _answers.Task;
        };
        var uses = Enumerable.Range(2, last - 1).Select(member => replica.UseAsync(member, "later")).ToList();
        await Eventually.HoldsAsync(() => Volatile.Read(ref asked) == uses.Count, "their locks have been asked for");
        _store.Before = null;
        return uses;
    }
}
