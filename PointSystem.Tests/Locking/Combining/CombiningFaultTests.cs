using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>Failures, deadlines, callers that cancel, and full queues.</summary>
public sealed class CombiningFaultTests
{
    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, [("Locking:Combining:Lanes", "1"), .. settings]);

    /// <summary>Queues the commands behind a blocked first batch, then releases it, so that they run in one batch.</summary>
    private static async Task<List<Task<string>>> BatchedAsync(
        CombiningReplica replica, Func<IReadOnlyList<Command>, Task> during, params (long Member, string Text)[] commands)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        replica.Handler.During = (batch, _) => batch[0].Text == "first" ? gate.Task : during(batch);
        var first = replica.UseAsync(1_000, "first");
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the first batch runs");
        var calls = commands.Select(command => replica.UseAsync(command.Member, command.Text)).ToList();
        await Eventually.HoldsAsync(() => replica.Executor.Waiting == 0, "all commands are handed to the lane");
        gate.SetResult();
        await first;
        return calls;
    }

    /// <summary>An exception in the lane itself, at each place where it reads the clock: the lane continues, and every command is answered.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Lane_ThrowsItself_Continues(int fault)
    {
        var clock = new FaultyClock { In = "RunAllAsync" };
        await using var replica = await CombiningReplica.StartAsync(_store, clock, ("Locking:Combining:Lanes", "1"));
        clock.FailAt(fault);

        var answers = new List<Exception?>();
        for (var round = 0; round < 4; round++)
        {
            var calls = Enumerable.Range(0, 6).Select(member => replica.UseAsync(member, $"{round}")).ToList();
            answers.AddRange(await Task.WhenAll(calls.Select(async call => await Record.ExceptionAsync(() => call))));
        }

        Assert.True(clock.HasFailed);
        Assert.All(answers, answer => Assert.True(answer is null or FaultyClock.ClockException, answer?.ToString()));
        Assert.Equal("done after", await replica.UseAsync(3, "after"));
        await replica.StopAsync();
    }

    /// <summary>The same in a detour, of which there is only one here: it is free again, and so is the row.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Detour_ThrowsItself_IsReleased(int fault)
    {
        var clock = new FaultyClock { In = "DetourAsync" };
        await using var replica = await CombiningReplica.StartAsync(
            _store, clock, ("Locking:Combining:Lanes", "1"), ("Locking:Combining:DetoursMax", "1"));
        replica.Handler.Classifier = failure => failure is TimeoutException ? BatchFault.Busy : BatchFault.RolledBack;
        var busy = new System.Collections.Concurrent.ConcurrentDictionary<long, int>();
        bool IsBusy(Command command) => command.Text == "busy" && busy.AddOrUpdate(command.MemberId, 1, (_, times) => times + 1) < 3;
        replica.Handler.During = (batch, _) => batch.Any(IsBusy)
            ? throw new TimeoutException()
            : Task.CompletedTask;
        clock.FailAt(fault);

        for (var round = 0; round < 3; round++)
        {
            busy.Clear();
            var calls = Enumerable.Range(0, 4).Select(member => replica.UseAsync(member, "busy")).ToList();
            var answers = await Task.WhenAll(calls.Select(async call => await Record.ExceptionAsync(() => call)));
            Assert.All(answers, answer => Assert.True(answer is null or FaultyClock.ClockException, answer?.ToString()));
        }

        Assert.True(clock.HasFailed);
        busy.Clear();
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 4).Select(member => replica.UseAsync(member, "busy"))), answer => Assert.Equal("done busy", answer));
    }

    [Fact]
    public async Task ExecuteAsync_PoisonousCommand_FailsAlone()
    {
        await using var replica = await StartAsync();
        var calls = await BatchedAsync(
            replica,
            batch => batch.Any(command => command.Text == "poison") ? throw new DivideByZeroException() : Task.CompletedTask,
            [.. Enumerable.Range(0, 64).Select(i => ((long)i, i == 41 ? "poison" : $"{i}"))]);
        for (var i = 0; i < calls.Count; i++)
        {
            if (i == 41)
            {
                await Assert.ThrowsAsync<DivideByZeroException>(() => calls[41]);
            }
            else
            {
                Assert.Equal($"done {i}", await calls[i]);
            }
        }
        Assert.InRange(replica.Handler.Batches.Count, 2, 16);
    }

    [Fact]
    public async Task ExecuteAsync_PoisonousCommandsOfOneKey_KeepsTheOrderOfTheOthers()
    {
        await using var replica = await StartAsync();
        var done = new List<string>();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        replica.Handler.During = (batch, _) =>
        {
            if (batch[0].Text == "first")
            {
                return gate.Task;
            }
            if (batch.Any(command => command.Text is "7" or "20"))
            {
                throw new DivideByZeroException();
            }
            done.AddRange(batch.Select(command => command.Text));
            return Task.CompletedTask;
        };
        var first = replica.UseAsync(5, "first");
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the first batch runs");
        var calls = Enumerable.Range(0, 32).Select(i => replica.UseAsync(5, $"{i}")).ToList();
        gate.SetResult();
        await first;
        var poisonous = new[] { 7, 20 };
        await Task.WhenAll(poisonous.Select(i => Assert.ThrowsAsync<DivideByZeroException>(() => calls[i])));
        await Task.WhenAll(calls.Where((_, i) => !poisonous.Contains(i)));
        Assert.Equal(Enumerable.Range(0, 32).Except(poisonous).Select(i => $"{i}"), done);
    }

    [Theory]
    [InlineData(BatchFault.Unknown)]
    [InlineData(BatchFault.Away)]
    public async Task ExecuteAsync_FailureMayHaveCommittedOrAffectsAll_IsNotRetried(BatchFault fault)
    {
        await using var replica = await StartAsync();
        replica.Handler.Classifier = _ => fault;
        var calls = await BatchedAsync(replica, _ => throw new IOException("gone"), [.. Enumerable.Range(0, 10).Select(i => ((long)i, $"{i}"))]);
        foreach (var call in calls)
        {
            await Assert.ThrowsAsync<IOException>(() => call);
        }
        Assert.Equal([1, 10], replica.Handler.Batches.Select(batch => batch.Count));
    }

    [Fact]
    public async Task ExecuteAsync_OneRowBusy_OthersContinueAndItFollowsWhenFree()
    {
        await using var replica = await StartAsync();
        replica.Handler.Classifier = failure => failure is TimeoutException ? BatchFault.Busy : BatchFault.RolledBack;
        var isBusy = true;
        var calls = await BatchedAsync(
            replica,
            async batch =>
            {
                if (isBusy && batch.Any(command => command.MemberId == 5))
                {
                    await Task.Delay(replica.Handler.RowLockWaits.Min(), Token);
                    throw new TimeoutException();
                }
            },
            [.. Enumerable.Range(0, 10).Select(i => ((long)i, $"{i}"))]);
        await Task.WhenAll(calls.Where((_, i) => i != 5));
        Assert.False(calls[5].IsCompleted);
        var later = replica.UseAsync(5, "later");
        isBusy = false;
        Assert.Equal("done 5", await calls[5]);
        Assert.Equal("done later", await later);
    }

    [Fact]
    public async Task ExecuteAsync_RowStaysBusy_TimesOut()
    {
        await using var replica = await StartAsync(("Locking:Operations:point:use:member:WaitSeconds", "0.3"));
        replica.Handler.Classifier = _ => BatchFault.Busy;
        replica.Handler.During = async (_, token) =>
        {
            await Task.Delay(replica.Handler.RowLockWaits.Last(), token);
            throw new TimeoutException();
        };
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.UseAsync(1, "a"));
        // The first attempt does not wait.
        Assert.Equal(TimeSpan.Zero, replica.Handler.RowLockWaits.First());
        Assert.All(
            replica.Handler.RowLockWaits.Skip(1), wait => Assert.InRange(wait, TimeSpan.FromMilliseconds(25), TimeSpan.FromMilliseconds(300)));
        await replica.IdleAsync();
    }

    [Fact]
    public async Task ExecuteAsync_QueuedCommand_TimesOutFromItsArrival()
    {
        var clock = new FakeTimeProvider();
        var store = new MemoryLockStore(clock);
        await using var replica = await CombiningReplica.StartAsync(store, clock, ("Locking:HandOverAfter", "00:01:00"));
        var (gate, first) = await replica.BlockFirstAsync("first");
        var early = replica.UseAsync(1, "early");
        clock.Advance(TimeSpan.FromSeconds(3));
        var late = replica.UseAsync(1, "late");
        clock.Advance(TimeSpan.FromSeconds(2.5));
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => early);
        Assert.False(late.IsCompleted);
        gate.SetResult();
        Assert.Equal(["done first", "done late"], await Task.WhenAll(first, late));
        Assert.Equal(1, replica.Executor.Snapshot(1).LastMinute.TimedOut);
    }

    [Fact]
    public async Task ExecuteAsync_LeaseAboutToEnd_CancelsTheWorkWithoutRetry()
    {
        var clock = new FakeTimeProvider();
        await using var replica = await CombiningReplica.StartAsync(new MemoryLockStore(clock), clock);
        replica.Handler.During = (_, token) => Task.Delay(Timeout.Infinite, token);
        var call = replica.UseAsync(1, "a");
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the batch runs");
        clock.Advance(TimeSpan.FromSeconds(9.6));
        await Assert.ThrowsAsync<LeaseEndedException>(() => call);
        Assert.Single(replica.Handler.Batches);
    }

    [Theory]
    [InlineData(LockMode.Distributed)]
    [InlineData(LockMode.Row)]
    public async Task ExecuteAsync_WorkIgnoresItsToken_FailsAtTheEndOfTheLeaseWithoutRetry(LockMode mode)
    {
        var clock = new FakeTimeProvider();
        await using var replica = await CombiningReplica.StartAsync(new MemoryLockStore(clock), clock);
        replica.Mode.Mode = mode;
        var never = new TaskCompletionSource();
        replica.Handler.During = (_, _) => never.Task;
        var call = replica.UseAsync(1, "a");
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the batch runs");
        clock.Advance(TimeSpan.FromSeconds(9.5));
        Assert.False(call.IsCompleted);
        await Eventually.HoldsAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(0.5));
                return call.IsCompleted;
            },
            "the caller is answered");
        await Assert.ThrowsAsync<LeaseEndedException>(() => call);
        Assert.Single(replica.Handler.Batches);
        never.SetResult();
    }

    [Fact]
    public async Task ExecuteAsync_NoWait_IsRefusedWhileTheKeyIsBusy()
    {
        await using var replica = await StartAsync();
        var gate = replica.Handler.BlockFirst();
        var first = replica.Executor.ExecuteAsync(new NoWaitCommand(1, "a"), Token);
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the first batch runs");
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.Executor.ExecuteAsync(new NoWaitCommand(1, "b"), Token));
        gate.SetResult();
        Assert.Equal("done a", await first);
        await _store.TryLockAsync("point:cancel:usage:2", "another owner", 60, Token);
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => replica.Executor.ExecuteAsync(new NoWaitCommand(2, "c"), Token));
        Assert.Single(replica.Handler.Batches);
    }

    [Fact]
    public async Task ExecuteAsync_CallersCancel_QueuedCommandsAreNotExecutedAndTheLeaderStopsAsking()
    {
        await using var replica = await StartAsync(("Locking:OnLockTimeout", "refuse"));
        await _store.TryLockAsync("point:use:member:1", "another owner", 60, Token);
        using var cancelling = new CancellationTokenSource();
        var calls = Enumerable.Range(0, 5).Select(i => replica.UseAsync(1, $"{i}", cancelling.Token)).ToList();
        await Eventually.HoldsAsync(() => !_store.Asked.IsEmpty, "the leader asks for the lock");
        await cancelling.CancelAsync();
        foreach (var call in calls)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }
        await replica.IdleAsync();
        Assert.Empty(replica.Handler.Batches);
        Assert.Equal(0, replica.Executor.Waiting);
    }

    [Fact]
    public async Task ExecuteAsync_QueueFull_RefusesAtOnce()
    {
        await using var replica = await StartAsync(
            ("Locking:Combining:KeyQueueMax", "3"), ("Locking:Combining:QueueMax", "4"), ("Locking:OnLockTimeout", "refuse"));
        await _store.TryLockAsync("point:use:member:1", "another owner", 60, Token);
        await _store.TryLockAsync("point:use:member:2", "another owner", 60, Token);
        using var cancelling = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, 3).Select(i => replica.UseAsync(1, $"{i}", cancelling.Token)).ToList();
        await Assert.ThrowsAsync<QueueFullException>(() => replica.UseAsync(1, "too many of the key"));
        waiting.Add(replica.UseAsync(2, "fits", cancelling.Token));
        await Assert.ThrowsAsync<QueueFullException>(() => replica.UseAsync(2, "too many of all"));
        await cancelling.CancelAsync();
        await Task.WhenAll(waiting.Select(call => Assert.ThrowsAnyAsync<OperationCanceledException>(() => call)));
        Assert.Equal((2, 4), ((int)replica.Executor.Snapshot(1).LastMinute.Refused, (int)replica.Executor.Snapshot(1).LastMinute.Cancelled));
    }

    /// <summary>The system clock, except that one call from the given method throws.</summary>
    private sealed class FaultyClock : TimeProvider
    {
        private int _left;

        public required string In { get; init; }

        public bool HasFailed => Volatile.Read(ref _left) < 0;

        public void FailAt(int call) => Volatile.Write(ref _left, call);

        public override long GetTimestamp()
        {
            if (Volatile.Read(ref _left) > 0 && Environment.StackTrace.Contains(In, StringComparison.Ordinal) && Interlocked.Decrement(ref _left) == 0)
            {
                Volatile.Write(ref _left, -1);
                throw new ClockException();
            }
            return base.GetTimestamp();
        }

        public sealed class ClockException : Exception;
    }
}
