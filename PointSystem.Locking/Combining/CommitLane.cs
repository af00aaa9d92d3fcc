using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>
/// Executes the batches that leaders hand over, one transaction at a time: everything that is ready when a transaction ends goes into the
/// next one. A lane that has queue lanes does not wait for rows: commands whose row is busy go there, so that they do not delay the others.
/// A queue lane waits for a while; commands that need longer continue beside it.
/// </summary>
internal sealed class CommitLane<TCommand, TOutcome>(
    BatchRunner<TCommand, TOutcome> batches, CombiningOptions options, SemaphoreSlim detours, LockMetrics metrics, TimeProvider clock, int number,
    IReadOnlyList<CommitLane<TCommand, TOutcome>>? queueLanes = null)
    where TCommand : class
    where TOutcome : class
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(50);

    private readonly Lock _sync = new();
    // Each list has the commands of one row, in order of arrival.
    private readonly Queue<List<Waiter<TCommand, TOutcome>>> _ready = new();

    // By affinity: a command behind a busy row must neither overtake others nor try in vain.
    private readonly Dictionary<long, Queue<Waiter<TCommand, TOutcome>>> _busy = [];
    private readonly IReadOnlyList<CommitLane<TCommand, TOutcome>> _queueLanes = queueLanes ?? [];
    private readonly Arrivals _arrivals = new();
    private bool _isRunning;

    /// <summary>Whether another busy row would find a place beside the lanes.</summary>
    public bool HasRoomBeside => detours.CurrentCount > 0;

    /// <summary>Announces a leader that asks for its locks now.</summary>
    public IDisposable Announce() => _arrivals.Announce();

    /// <summary>Adds a batch. Completes, and never fails, when all its commands have ended.</summary>
    /// <param name="leaderBatch">The batch.</param>
    /// <param name="announced">The announcement of its leader.</param>
    public Task RunAsync(LeaderBatch<TCommand, TOutcome> leaderBatch, IDisposable? announced)
    {
        var start = Add(leaderBatch.Waiters);
        announced?.Dispose();
        if (start)
        {
            // Runs on the leader's thread until the first await, so a single command needs no further thread switch.
            _ = RunAllAsync();
        }
        return leaderBatch.Done;
    }

    /// <summary>Adds commands of one row. True when the lane must be started.</summary>
    private bool Add(List<Waiter<TCommand, TOutcome>> waiters)
    {
        lock (_sync)
        {
            if (_busy.TryGetValue(waiters[0].Queue.Affinity, out var behind))
            {
                waiters.ForEach(behind.Enqueue);
                return false;
            }
            return Enqueue(waiters);
        }
    }

    // Under the lock. True when the lane must be started.
    private bool Enqueue(List<Waiter<TCommand, TOutcome>> waiters)
    {
        _ready.Enqueue(waiters);
        var start = !_isRunning;
        _isRunning = true;
        return start;
    }

    private async Task RunAllAsync()
    {
        // The lane belongs to no single request, so its spans have no parent.
        Activity.Current = null;
        var parts = new List<List<Waiter<TCommand, TOutcome>>>();
        while (Gather(parts))
        {
            var inHand = new Queue<Waiter<TCommand, TOutcome>>();
            try
            {
                if (options.GatherMax > TimeSpan.Zero && _arrivals.AnnouncedAsync() is { IsCompleted: false } announced)
                {
                    await announced.WaitAsync(options.GatherMax, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    Gather(parts);
                }
                var since = clock.GetTimestamp();
                batches.TopUp(parts, options.BatchMax);
                // Commands of one row must be adjacent, in order of arrival.
                var waiters = parts.OrderBy(part => part[0].Queue.Affinity).SelectMany(part => part).ToList();
                parts.Clear();
                inHand = new(await ExecuteAsync(waiters, _queueLanes.Count > 0 ? TimeSpan.Zero : options.LaneRowLockWait));
                if (_queueLanes.Count > 0)
                {
                    HandOn(inHand);
                }
                else
                {
                    Detour(inHand);
                }
                metrics.LaneBusy(number, clock.GetElapsedTime(since));
            }
            catch (Exception mistake) when (mistake is not OutOfMemoryException)
            {
                // The lane must go on: if it ended here, its keys would have no lane.
                batches.Abandon([.. parts.SelectMany(part => part), .. inHand], mistake);
                parts.Clear();
            }
        }
    }

    /// <summary>Returns the commands whose row was busy. Never throws, because the lane must not end.</summary>
    private async Task<IReadOnlyList<Waiter<TCommand, TOutcome>>> ExecuteAsync(List<Waiter<TCommand, TOutcome>> waiters, TimeSpan rowLockWaitMax)
    {
        try
        {
            var begun = batches.Begin(waiters);
            return begun.Count > 0 ? await batches.RunAsync(begun, rowLockWaitMax) : [];
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            batches.Fail(waiters, mistake);
            return [];
        }
    }

    private bool Gather(List<List<Waiter<TCommand, TOutcome>>> parts)
    {
        lock (_sync)
        {
            var commands = parts.Sum(part => part.Count);
            while (_ready.TryPeek(out var next) && (parts.Count == 0 || (commands + next.Count <= options.BatchMax && parts.Count < options.BatchKeysMax)))
            {
                _ready.Dequeue();
                if (_busy.TryGetValue(next[0].Queue.Affinity, out var behind))
                {
                    next.ForEach(behind.Enqueue);
                    continue;
                }
                parts.Add(next);
                commands += next.Count;
            }
            return _isRunning = parts.Count > 0;
        }
    }

    private void HandOn(Queue<Waiter<TCommand, TOutcome>> busy)
    {
        while (busy.TryPeek(out var first))
        {
            var affinity = first.Queue.Affinity;
            var ofOneRow = new List<Waiter<TCommand, TOutcome>>();
            while (busy.TryPeek(out var next) && next.Queue.Affinity == affinity)
            {
                ofOneRow.Add(busy.Dequeue());
            }
            var lane = _queueLanes[(int)((ulong)affinity % (ulong)_queueLanes.Count)];
            if (lane.Add(ofOneRow))
            {
                // Not here: this lane goes on at once.
                ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.RunAllAsync(), lane, preferLocal: false);
            }
        }
    }

    private void Detour(Queue<Waiter<TCommand, TOutcome>> busy)
    {
        while (busy.TryPeek(out var waiter))
        {
            var start = false;
            var affinity = waiter.Queue.Affinity;
            lock (_sync)
            {
                if (!_busy.TryGetValue(affinity, out var behind))
                {
                    _busy.Add(affinity, behind = new());
                    start = true;
                }
                behind.Enqueue(waiter);
            }
            busy.Dequeue();
            if (start)
            {
                ThreadPool.UnsafeQueueUserWorkItem(
                    static call => _ = call.Lane.DetourAsync(call.Affinity), (Lane: this, Affinity: affinity), preferLocal: false);
            }
        }
    }

    /// <summary>
    /// Executes one row's commands beside the lane, each for as long as its own wait allows, until the row is free again. There are few
    /// places here, and a row in constant demand would otherwise keep one forever.
    /// </summary>
    private async Task DetourAsync(long affinity)
    {
        var waiters = new List<Waiter<TCommand, TOutcome>>();
        var (hasPlace, isFree) = (false, false);
        try
        {
            while (!(hasPlace = await detours.WaitAsync(SweepEvery)))
            {
                lock (_sync)
                {
                    _busy[affinity] = new(batches.Sweep(_busy[affinity]));
                }
            }
            while (!isFree && DequeueBusy(affinity, waiters))
            {
                var startedAt = clock.GetTimestamp();
                waiters = [.. await ExecuteAsync(waiters, TimeSpan.MaxValue)];
                isFree = waiters.Count == 0 && clock.GetElapsedTime(startedAt) < options.LaneRowLockWait;
            }
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            // Nothing else handles this row's commands: the current ones and those behind them end here, and the lane gets the row back.
            isFree = false;
            lock (_sync)
            {
                if (_busy.Remove(affinity, out var behind))
                {
                    waiters.AddRange(behind);
                }
            }
            batches.Abandon(waiters, mistake);
        }
        finally
        {
            if (hasPlace)
            {
                detours.Release();
            }
        }
        if (isFree && GiveBack(affinity))
        {
            _ = RunAllAsync();
        }
    }

    private bool DequeueBusy(long affinity, List<Waiter<TCommand, TOutcome>> waiters)
    {
        lock (_sync)
        {
            var behind = _busy[affinity];
            while (waiters.Count < options.BatchMax && behind.TryDequeue(out var next))
            {
                waiters.Add(next);
            }
            return waiters.Count > 0 || !_busy.Remove(affinity);
        }
    }

    /// <summary>Returns the row's commands to the lane. True when the lane must be started.</summary>
    private bool GiveBack(long affinity)
    {
        lock (_sync)
        {
            _busy.Remove(affinity, out var behind);
            var start = false;
            foreach (var part in behind!.Chunk(options.BatchMax))
            {
                start |= Enqueue([.. part]);
            }
            return start;
        }
    }
}
