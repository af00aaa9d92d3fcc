using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>Queues, leaders and batches.</summary>
public sealed class CombiningExecutorTests
{
    private const string UseOf1 = "point:use:member:1";

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    // On a slow machine, a key must not be released between two batches.
    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, [("Locking:Combining:HoldMax", "00:00:10"), .. settings]);

    [Fact]
    public async Task ExecuteAsync_SingleCommand_IsABatchOfOneUnderItsLock()
    {
        await using var replica = await StartAsync();
        replica.Handler.During = (_, _) =>
        {
            Assert.True(_store.IsHeld(UseOf1));
            return Task.CompletedTask;
        };
        Assert.Equal("done a", await replica.UseAsync(1, "a"));
        Assert.Equal("a", Assert.Single(Assert.Single(replica.Handler.Batches)).Text);
        await Eventually.HoldsAsync(() => !_store.IsHeld(UseOf1) && replica.Executor.Snapshot(10).ActiveKeys == 0, "the lock is released and the key is idle");
    }

    [Fact]
    public async Task ExecuteAsync_ArrivalsDuringABatch_AreCombinedInOrderUnderOneLock()
    {
        await using var replica = await StartAsync();
        var (gate, first) = await replica.BlockFirstAsync("0");
        var calls = new List<Task<string>> { first };
        calls.AddRange(Enumerable.Range(1, 50).Select(i => replica.UseAsync(1, $"{i}")));
        Assert.Equal(50, replica.Executor.Waiting);
        var hottest = Assert.Single(replica.Executor.Snapshot(10).Hottest);
        Assert.Equal((UseOf1, 50), (Assert.Single(hottest.Keys), hottest.Waiting));
        gate.SetResult();
        Assert.Equal(Enumerable.Range(0, 51).Select(i => $"done {i}"), await Task.WhenAll(calls));
        Assert.Equal(2, replica.Handler.Batches.Count);
        Assert.Equal(Enumerable.Range(0, 51).Select(i => $"{i}"), replica.Handler.Batches.SelectMany(batch => batch).Select(command => command.Text));
        Assert.Equal([UseOf1], _store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_ManyKeys_ShareATransactionOfTheLane()
    {
        await using var replica = await StartAsync(("Locking:Combining:Lanes", "1"));
        var (gate, first) = await replica.BlockFirstAsync("0");
        var others = Enumerable.Range(2, 20).Select(member => replica.UseAsync(member, $"{member}")).ToList();
        await Eventually.HoldsAsync(() => _store.Asked.Count == 21 && replica.Executor.Waiting == 0, "every leader has handed its batch to the lane");
        gate.SetResult();
        await Task.WhenAll([first, .. others]);
        Assert.Equal([1, 20], replica.Handler.Batches.Select(batch => batch.Count));
    }

    [Fact]
    public async Task ExecuteAsync_ArrivalsWhileTheirKeyWaitsForTheLane_JoinItsBatch()
    {
        await using var replica = await StartAsync(("Locking:Combining:Lanes", "1"), ("Locking:Combining:BatchMax", "4"));
        var (gate, first) = await replica.BlockFirstAsync("0");
        var calls = new List<Task<string>> { first };
        calls.Add(replica.UseAsync(2, "1"));
        await Eventually.HoldsAsync(
            () => _store.IsHeld("point:use:member:2") && replica.Executor.Waiting == 0, "the second key's leader has handed its batch to the lane");
        calls.AddRange(Enumerable.Range(2, 5).Select(i => replica.UseAsync(2, $"{i}")));
        gate.SetResult();
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"done {i}"), await Task.WhenAll(calls));
        Assert.Equal(["0", "1 2 3 4", "5 6"], replica.Handler.Batches.Select(batch => string.Join(' ', batch.Select(command => command.Text))));
        Assert.Equal([UseOf1, "point:use:member:2"], _store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_KeysOfOneMember_NeverRunConcurrently()
    {
        await using var replica = await StartAsync(("Locking:Combining:Lanes", "4"));
        replica.Handler.During = async (_, _) => await Task.Yield();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => i % 2 == 0
            ? replica.UseAsync(7, $"{i}")
            : replica.Executor.ExecuteAsync(new Accumulate(7, $"{i}"), Token)));
        Assert.Equal(1, replica.Handler.ConcurrentMax);
        Assert.Equal(200, replica.Handler.Batches.Sum(batch => batch.Count));
    }

    [Fact]
    public async Task ExecuteAsync_TurnHasRunLongEnough_AnotherReplicaGetsTheKey()
    {
        (string, string)[] settings = [("Locking:Combining:HoldBatchesMax", "3"), ("Locking:HandOverAfter", "00:00:00.010")];
        await using var one = await StartAsync(settings);
        await using var two = await StartAsync(settings);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        one.Handler.During = async (_, _) => await Task.Yield();
        var load = Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                await one.UseAsync(1, "load");
            }
        }));
        await Eventually.HoldsAsync(() => one.Handler.Batches.Count > 20, "the first replica executes batches");
        Assert.Equal("done other", await two.UseAsync(1, "other"));
        await stop.CancelAsync();
        await load;
    }

    [Fact]
    public async Task ExecuteAsync_SeveralLocks_AreAcquiredInOrderAndReleasedWhenOneIsRefused()
    {
        await using var replica = await StartAsync(
            ("Locking:Operations:point:use:member:WaitSeconds", "0.4"), ("Locking:Operations:point:accumulate:member:WaitSeconds", "0.4"),
            ("Locking:OnLockTimeout", "refuse"));
        Assert.Equal("done t", await replica.Executor.ExecuteAsync(new Transfer(2, 1, "t"), Token));
        Assert.Equal(["point:accumulate:member:1", "point:use:member:2"], _store.Asked);
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:2") && !_store.IsHeld("point:accumulate:member:1"), "both locks are released");
        await _store.TryLockAsync("point:use:member:2", "another owner", 60, Token);
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.Executor.ExecuteAsync(new Transfer(2, 1, "t"), Token));
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:accumulate:member:1"), "the first lock is released");
        Assert.Single(replica.Handler.Batches);
    }

    [Theory]
    [InlineData(10, 9, "point:accumulate:member:9", "point:use:member:10")]
    [InlineData(9, 10, "point:use:member:9", "point:accumulate:member:10")]
    [InlineData(9, 9, "point:accumulate:member:9", "point:use:member:9")]
    public async Task ExecuteAsync_TwoLocks_AreAcquiredInAscendingMemberId(long from, long to, string first, string second)
    {
        await using var replica = await StartAsync();
        Assert.Equal("done t", await replica.Executor.ExecuteAsync(new Transfer(from, to, "t"), Token));
        Assert.Equal([first, second], _store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_UnregisteredCommand_SaysWhatToDo()
    {
        await using var replica = await StartAsync();
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => replica.Executor.ExecuteAsync(new Unregistered(1, "a"), Token));
        Assert.Contains("AddLockedCommands", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExecuteAsync_CrossTransfersAndUses_NeitherDeadlockNorLoseCommands()
    {
        await using var one = await StartAsync();
        await using var two = await StartAsync();
        var calls = Enumerable.Range(0, 120).Select(i =>
        {
            var replica = i % 2 == 0 ? one : two;
            return i % 3 == 0 ? replica.UseAsync(i % 4, $"{i}") : replica.Executor.ExecuteAsync(new Transfer(i % 4, (i + 1 + (i % 3)) % 4, $"{i}"), Token);
        });
        Assert.Equal(Enumerable.Range(0, 120).Select(i => $"done {i}"), await Task.WhenAll(calls));
        await Eventually.HoldsAsync(() => one.Executor.Snapshot(1).ActiveKeys + two.Executor.Snapshot(1).ActiveKeys == 0, "idle keys are removed");
    }

    [Fact]
    public async Task ExecuteAsync_StoreUnavailable_StillCombines()
    {
        _store.Before = (_, _) => throw new PointSystem.Locking.Store.LockStoreException("sidecar-unavailable", isAmbiguous: false);
        await using var replica = await StartAsync();
        var (gate, first) = await replica.BlockFirstAsync("0");
        var others = Enumerable.Range(1, 9).Select(i => replica.UseAsync(1, $"{i}")).ToList();
        gate.SetResult();
        await Task.WhenAll([first, .. others]);
        Assert.Equal([1, 9], replica.Handler.Batches.Select(batch => batch.Count));
        Assert.Equal(1, replica.Executor.Snapshot(1).LastMinute.Fallbacks);
    }

    [Fact]
    public async Task StopAsync_CommandsQueued_ExecutesAllAndReleasesTheLocks()
    {
        await using var replica = await StartAsync();
        var gate = replica.Handler.BlockFirst();
        var calls = Enumerable.Range(0, 20).Select(i => replica.UseAsync(i % 2, $"{i}")).ToList();
        await Eventually.HoldsAsync(() => replica.Handler.Running > 0, "a batch runs");
        var stopping = replica.StopAsync();
        Assert.False(stopping.IsCompleted);
        gate.SetResult();
        await stopping;
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"done {i}"), await Task.WhenAll(calls));
        Assert.False(_store.IsHeld("point:use:member:0") || _store.IsHeld(UseOf1));
    }
}
