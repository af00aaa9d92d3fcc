using PointSystem.Locking;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Locking;

public sealed class LockedExecutorTests
{
    [DistributedLock("point:use:member:{MemberId}")]
    public sealed record Use(long MemberId);

    [DistributedLock("point:cancel:usage:{PointKey}", WaitSeconds = 0)]
    public sealed record TryOnce(string PointKey);

    [DistributedLock("point:use:member:{From}", WaitSeconds = 0.5)]
    [DistributedLock("point:accumulate:member:{To}", WaitSeconds = 0.5)]
    public sealed record Transfer(long From, long To);

    [DistributedLock("point:use:member:{MemberId}", WaitSeconds = 1, LeaseSeconds = 1)]
    public sealed record Brief(long MemberId);

    public sealed record Undeclared(long MemberId);

    private static readonly Type[] Commands = [typeof(Use), typeof(TryOnce), typeof(Transfer), typeof(Brief)];

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ExecuteAsync_Work_RunsUnderTheLockWhichIsGivenBack()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        var result = await replica.Executor.ExecuteAsync(new Use(42), (scope, _) =>
        {
            Assert.True(_store.IsHeld("point:use:member:42"));
            Assert.Equal(["point:use:member:42"], scope.Keys);
            Assert.False(scope.IsFallback);
            Assert.InRange(scope.RemainingWait, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
            return Task.FromResult("done");
        }, Token);
        Assert.Equal("done", result);
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:42"), "the lock is given back");
    }

    [Fact]
    public async Task ExecuteAsync_WorkThrows_TheErrorComesThroughAndTheLockIsGivenBack()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        await Assert.ThrowsAsync<DivideByZeroException>(() =>
            replica.Executor.ExecuteAsync<Use, int>(new Use(1), (_, _) => throw new DivideByZeroException(), Token));
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:1") && replica.Monitor.ActiveKeys == 0, "the lock is given back");
    }

    [Theory]
    [InlineData(10, 9, "point:accumulate:member:9", "point:use:member:10")]
    [InlineData(9, 10, "point:use:member:9", "point:accumulate:member:10")]
    [InlineData(9, 9, "point:accumulate:member:9", "point:use:member:9")]
    public async Task ExecuteAsync_TwoLocks_TakenInAscendingMemberId(long from, long to, string first, string second)
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        var keys = await replica.Executor.ExecuteAsync(new Transfer(from, to), (scope, _) => Task.FromResult(scope.Keys), Token);
        Assert.Equal([first, second], keys);
        Assert.Equal([first, second], _store.Asked);
    }

    [Fact]
    public async Task ExecuteAsync_SecondLockTaken_TheFirstIsGivenBackAndTheWorkDoesNotRun()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        await _store.TryLockAsync("point:accumulate:member:2", "somebody", 60, Token);
        var failure = await Assert.ThrowsAsync<LockNotAcquiredException>(() =>
            replica.Executor.ExecuteAsync<Transfer, int>(new Transfer(1, 2), (_, _) => throw new InvalidOperationException("ran"), Token));
        Assert.Equal("point:accumulate:member:2", failure.Key);
        Assert.Equal(TimeSpan.FromSeconds(0.5), failure.Wait);
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:1") && replica.Monitor.ActiveKeys == 0, "the first lock is given back");
    }

    [Fact]
    public async Task ExecuteAsync_CrossTransfers_NeitherDeadlockNorOverlap()
    {
        await using var one = await LockReplica.StartAsync(_store, Commands, ("Locking:Operations:point:use:member:WaitSeconds", "60"), ("Locking:Operations:point:accumulate:member:WaitSeconds", "60"));
        await using var two = await LockReplica.StartAsync(_store, Commands, ("Locking:Operations:point:use:member:WaitSeconds", "60"), ("Locking:Operations:point:accumulate:member:WaitSeconds", "60"));
        var inside = new int[4];
        var done = await Task.WhenAll(Enumerable.Range(0, 60).Select(number => (number % 2 == 0 ? one : two).Executor.ExecuteAsync(
            new Transfer(number % 3, (number + 1) % 3), async (scope, _) =>
            {
                var from = scope.Keys.Single(key => key.Contains("use", StringComparison.Ordinal))[^1] - '0';
                Assert.Equal(1, Interlocked.Increment(ref inside[from]));
                await Task.Yield();
                Interlocked.Decrement(ref inside[from]);
                return 1;
            }, Token)));
        Assert.Equal(60, done.Sum());
        Assert.Equal(60, one.Count("pointsystem.lock.attempts") / 2 + two.Count("pointsystem.lock.attempts") / 2);
    }

    [Fact]
    public async Task ExecuteAsync_NoWait_OneAttemptThenRefused()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        await _store.TryLockAsync("point:cancel:usage:k", "somebody", 60, Token);
        _store.Asked.Clear();
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.Executor.ExecuteAsync(new TryOnce("k"), (_, _) => Task.FromResult(0), Token));
        Assert.Single(_store.Asked);
        Assert.Equal(1, replica.Count("pointsystem.lock.acquire outcome=contended"));
    }

    [Fact]
    public async Task ExecuteAsync_TwentyCallersOfOneReplica_OneOfThemPolls()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => replica.Executor.ExecuteAsync(new Use(5), async (_, _) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            await Task.Yield();
            return Interlocked.Decrement(ref inside);
        }, Token)));
        // One question for each grant: nobody asked while a neighbour held the lock.
        Assert.Equal(20, _store.Asked.Count);
        Assert.Equal(20, _store.Owners.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task ExecuteAsync_WorkOutlivesItsLease_IsCancelledBeforeItEnds()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        var heldAtTheEnd = false;
        var failure = await Assert.ThrowsAsync<LeaseEndedException>(() => replica.Executor.ExecuteAsync<Brief, int>(new Brief(3), async (_, token) =>
        {
            await using var end = token.Register(() => heldAtTheEnd = _store.IsHeld("point:use:member:3"));
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 0;
        }, Token));
        Assert.Equal(["point:use:member:3"], failure.Keys);
        Assert.True(heldAtTheEnd);
    }

    [Fact]
    public async Task ExecuteAsync_CallerGivesUp_IsACancellationAndFreesTheKey()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => replica.Executor.ExecuteAsync<Use, int>(new Use(8), async (_, token) =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
            return 0;
        }, cancel.Token));
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:8") && replica.Monitor.ActiveKeys == 0, "the lock is given back");
    }

    [Fact]
    public async Task ExecuteAsync_RowMode_AsksNobody()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands, ("Locking:Mode", "row"));
        Assert.False(await replica.Executor.ExecuteAsync(new Use(1), (scope, _) => Task.FromResult(scope.IsFallback), Token));
        Assert.Empty(_store.Asked);
        Assert.Equal(1, replica.Count("pointsystem.lock.acquire outcome=row_only"));
    }

    [Fact]
    public async Task ExecuteAsync_UnregisteredCommand_SaysWhatToDo()
    {
        await using var replica = await LockReplica.StartAsync(_store, Commands);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => replica.Executor.ExecuteAsync(new Undeclared(1), (_, _) => Task.FromResult(0), Token));
        Assert.Contains("AddLockedCommands", failure.Message, StringComparison.Ordinal);
    }
}
