using PointSystem.Locking;

namespace PointSystem.Tests.Locking;

/// <summary>Locks that are acquired in code, without a command.</summary>
public sealed class DistributedLocksTests
{
    private const string Key = "point:use:member:42";

    private static readonly LockOptions Options = new() { Operation = "point:use:member" };

    private readonly MemoryLockStore _store = new(TimeProvider.System);

    [Fact]
    public async Task AcquireAsync_Handle_HoldsTheLockUntilItIsDisposed()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        await using (var handle = await replica.Locks.AcquireAsync(Key, Options, Token))
        {
            Assert.True(_store.IsHeld(Key));
            Assert.Equal((Key, false), (handle.Key, handle.IsFallback));
            Assert.Equal(Options.Lease, handle.LeaseEndsAt - handle.AcquiredAt);
        }
        await Eventually.HoldsAsync(() => !_store.IsHeld(Key) && replica.Monitor.ActiveKeys == 0, "the lock is released");
    }

    [Fact]
    public async Task AcquireAsync_TwentyCallersOfOneReplica_OnlyOnePolls()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            await using var handle = await replica.Locks.AcquireAsync(Key, Options, Token);
            Assert.Equal(1, Interlocked.Increment(ref inside));
            await Task.Yield();
            Interlocked.Decrement(ref inside);
        }));

        // One request per grant: no caller asked while another caller of the replica held the lock.
        Assert.Equal(20, _store.Asked.Count);
        Assert.Equal(20, _store.Owners.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task LeaseEnding_WorkTakesLonger_FiresWhileTheLockIsHeld()
    {
        await using var replica = await LockReplica.StartAsync(_store, [], ("Locking:LeaseMargin", "00:00:02.5"));
        await using var handle = await replica.Locks.AcquireAsync(Key, Options with { Lease = TimeSpan.FromSeconds(3) }, Token);
        var heldAtTheEnd = new TaskCompletionSource<bool>();
        await using var end = handle.LeaseEnding.Register(() => heldAtTheEnd.TrySetResult(_store.IsHeld(Key)));
        Assert.True(await heldAtTheEnd.Task.WaitAsync(TimeSpan.FromSeconds(30), Token));
    }

    [Fact]
    public async Task TryAcquireAsync_NoWait_AsksOnce()
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        await _store.TryLockAsync(Key, "another owner", 60, Token);
        _store.Asked.Clear();
        Assert.Null(await replica.Locks.TryAcquireAsync(Key, Options with { Wait = TimeSpan.Zero }, Token));
        Assert.Single(_store.Asked);
        Assert.Equal(1, replica.Count("pointsystem.lock.acquire outcome=contended"));
    }

    [Fact]
    public async Task AcquireAsync_ModeRow_DoesNotAskTheStore()
    {
        await using var replica = await LockReplica.StartAsync(_store, [], ("Locking:Mode", "row"));
        await using var handle = await replica.Locks.AcquireAsync(Key, Options, Token);
        Assert.False(handle.IsFallback);
        Assert.Empty(_store.Asked);
        Assert.Equal(1, replica.Count("pointsystem.lock.acquire outcome=row_only"));
    }

    [Theory]
    [InlineData("", 5, 10, "key")]
    [InlineData("a||b", 5, 10, "key")]
    [InlineData(Key, 0.1, 10, "options")]
    [InlineData(Key, -1, 10, "options")]
    [InlineData(Key, 5, 0, "options")]
    [InlineData(Key, 5, 1.5, "options")]
    public async Task TryAcquireAsync_InvalidArgument_ThrowsWithItsName(string key, double wait, double lease, string parameter)
    {
        await using var replica = await LockReplica.StartAsync(_store, []);
        var options = Options with { Wait = TimeSpan.FromSeconds(wait), Lease = TimeSpan.FromSeconds(lease) };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => replica.Locks.TryAcquireAsync(key, options, Token));
        Assert.Equal(parameter, refused.ParamName);
        Assert.Empty(_store.Asked);
    }
}
