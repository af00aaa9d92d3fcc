using PointSystem.Locking;

namespace PointSystem.Tests.Locking.Combining;

/// <summary>Unused keys leave nothing in memory, however many there were.</summary>
public sealed class CombiningMemoryTests
{
    [Theory]
    [InlineData(LockMode.Distributed, 100_000)]
    [InlineData(LockMode.Adaptive, 30_000)]
    public async Task ExecuteAsync_ManyKeys_LeaveNothingBehind(LockMode mode, int keys)
    {
        var clock = new CountingClock();
        await using var replica = await CombiningReplica.StartAsync(new MemoryLockStore(clock), clock);
        replica.Mode.Mode = mode;
        var atRest = clock.Timers;
        for (var from = 0; from < keys; from += 5_000)
        {
            // Two commands for each key, so that there is a queue.
            await Task.WhenAll(Enumerable.Range(from, 5_000).SelectMany(key => new[] { replica.UseAsync(key, "a"), replica.UseAsync(key, "b") }));
        }
        await Eventually.HoldsAsync(
            () => replica.Executor.Snapshot(1).ActiveKeys == 0 && replica.Monitor.ActiveKeys == 0 && clock.Timers <= atRest,
            "queues, turns and timers are gone");
        var left = replica.Executor.Snapshot(1);
        Assert.Equal((0, 0), (left.Waiting, replica.Monitor.Waiting));
        Assert.Equal(0, left.HotKeys);
        Assert.Equal(2 * keys, left.LastMinute.Executed);
    }

    /// <summary>The system clock, which counts its timers that are not disposed.</summary>
    private sealed class CountingClock : TimeProvider
    {
        private int _timers;

        public int Timers => Volatile.Read(ref _timers);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _timers);
            return new Counted(base.CreateTimer(callback, state, dueTime, period), this);
        }

        private sealed class Counted(ITimer timer, CountingClock clock) : ITimer
        {
            private int _disposed;

            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                if (Interlocked.Exchange(ref _disposed, 1) == 0)
                {
                    Interlocked.Decrement(ref clock._timers);
                    timer.Dispose();
                }
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
