using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>Rare situations: lanes that hang, rows that stay busy, callers that cancel in between, metric listeners that throw.</summary>
public sealed class CombiningEdgeTests
{
    private readonly MemoryLockStore _store = new(TimeProvider.System);

    private Task<CombiningReplica> StartAsync(params (string Key, string Value)[] settings) =>
        CombiningReplica.StartAsync(_store, TimeProvider.System, [("Locking:Combining:Lanes", "1"), .. settings]);

    // A failure of these tests would otherwise be a hang.
    private static Task<string> WithTimeout(Task<string> call) => call.WaitAsync(TimeSpan.FromSeconds(20), Token);

    /// <summary>As with a frozen database: the first batch gets no answer, and the next one cannot start.</summary>
    [Fact]
    public async Task ExecuteAsync_LaneHangs_QueuedCommandStillTimesOut()
    {
        var clock = new FakeTimeProvider();
        await using var replica = await CombiningReplica.StartAsync(new MemoryLockStore(clock), clock, ("Locking:Combining:Lanes", "1"));
        var (gate, first) = await replica.BlockFirstAsync("first");
        var behind = replica.UseAsync(2, "behind");
        await Eventually.HoldsAsync(() => replica.Executor.Waiting == 0, "the second command is handed to the lane");
        clock.Advance(TimeSpan.FromSeconds(5.1));
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => WithTimeout(behind));
        await Eventually.HoldsAsync(() => replica.Executor.Snapshot(10).ActiveKeys == 1, "its leader has released the key");
        gate.SetResult();
        Assert.Equal("done first", await first);
        Assert.Equal("first", Assert.Single(Assert.Single(replica.Handler.Batches)).Text);
    }

    [Fact]
    public async Task ExecuteAsync_CallerCancelsWhileItsRowIsBusy_IsNotRetried()
    {
        await using var replica = await StartAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        replica.Handler.Classifier = _ => BatchFault.Busy;
        replica.Handler.During = async (_, _) =>
        {
            await gate.Task;
            throw new TimeoutException();
        };
        using var cancelling = new CancellationTokenSource();
        var call = replica.UseAsync(1, "a", cancelling.Token);
        await Eventually.HoldsAsync(() => replica.Handler.Running == 1, "the batch runs");
        await cancelling.CancelAsync();
        Assert.False(call.IsCompleted);
        gate.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => WithTimeout(call));
        await replica.IdleAsync();
        Assert.Single(replica.Handler.Batches);
        Assert.Equal(1, replica.Executor.Snapshot(1).LastMinute.Cancelled);
    }

    /// <summary>A lane has few detours. A row that was busy once must not keep a detour for as long as it has commands.</summary>
    [Fact]
    public async Task ExecuteAsync_BusyRowIsFreeAgain_ReleasesItsDetour()
    {
        await using var replica = await StartAsync(("Locking:Combining:DetoursMax", "1"), ("Locking:Combining:LaneRowLockWait", "00:00:10"));
        replica.Handler.Classifier = _ => BatchFault.Busy;
        var (met, entered) = (new HashSet<long>(), 0);
        TaskCompletionSource? current = null;
        replica.Handler.During = (batch, _) =>
        {
            if (batch.Any(command => met.Add(command.MemberId)))
            {
                throw new TimeoutException();
            }
            if (batch[0].MemberId == 2)
            {
                return Task.CompletedTask;
            }
            var own = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref current, own);
            Interlocked.Increment(ref entered);
            return own.Task;
        };

        // Two keys of one row alternate, so that one always waits behind the running one.
        var calls = new List<Task<string>> { replica.UseAsync(1, "0") };
        Task<string>? other = null;
        for (var round = 1; round < 4; round++)
        {
            await Eventually.HoldsAsync(() => Volatile.Read(ref entered) == round, "the row's batch runs");
            calls.Add(round % 2 == 1 ? replica.Executor.ExecuteAsync(new Accumulate(1, $"{round}"), Token) : replica.UseAsync(1, $"{round}"));
            other ??= replica.UseAsync(2, "other");
            await Eventually.HoldsAsync(() => replica.Executor.Waiting == 0 && met.Count == 2, "the next command waits, and another row is busy too");
            Volatile.Read(ref current)!.SetResult();
        }
        await Eventually.HoldsAsync(() => Volatile.Read(ref entered) == 4, "the row's last batch runs");
        Assert.Equal("done other", await WithTimeout(other!));
        Volatile.Read(ref current)!.SetResult();
        Assert.Equal(["done 0", "done 1", "done 2", "done 3"], await Task.WhenAll(calls));
    }

    /// <summary>Metric listeners run inside the executor. Their exceptions must not affect commands.</summary>
    [Fact]
    public async Task ExecuteAsync_MetricListenerThrows_EveryCommandCompletes()
    {
        await using var replica = await StartAsync(("Locking:Operations:point:use:member:WaitSeconds", "0.5"), ("Locking:Combining:KeyQueueMax", "20"));
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, replica.Meters))
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => throw new DivideByZeroException());
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => throw new DivideByZeroException());
        listener.Start();
        replica.Handler.Classifier = failure => failure is TimeoutException ? BatchFault.Busy : BatchFault.RolledBack;
        replica.Handler.During = (batch, _) => batch.FirstOrDefault(command => command.Text is "poison" or "busy") is { } odd
            ? throw (odd.Text == "busy" ? new TimeoutException() : new IOException())
            : Task.CompletedTask;
        Assert.Equal("done a", await WithTimeout(replica.UseAsync(1, "a")));
        await Assert.ThrowsAsync<IOException>(() => WithTimeout(replica.UseAsync(1, "poison")));
        await Assert.ThrowsAsync<LockNotAcquiredException>(() => WithTimeout(replica.UseAsync(1, "busy")));
        replica.Mode.Mode = LockMode.Row;
        Assert.Equal("done row", await WithTimeout(replica.UseAsync(1, "row")));
        replica.Mode.Mode = LockMode.Distributed;
        Assert.Equal("done b", await WithTimeout(replica.UseAsync(1, "b")));
        await Eventually.HoldsAsync(() => !_store.IsHeld("point:use:member:1") && replica.Executor.Snapshot(1).ActiveKeys == 0, "the key is released");
    }
}
