using PointSystem.Locking.Combining;

namespace PointSystem.Locking;

/// <summary>The leaders: one for each key that has work.</summary>
public sealed partial class CombiningExecutor<TCommand, TOutcome>
{
    private async Task LeadAsync(KeyQueue<TCommand, TOutcome> queue)
    {
        while (true)
        {
            try
            {
                await RunTurnAsync(queue);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                // Without this a failing leader would leave its queue without a leader forever.
                FailAll(queue, failure);
            }
            lock (_sync)
            {
                if (queue.Waiting.Count == 0)
                {
                    _queues.Remove(queue.Name);
                    queue.Timer?.Dispose();
                    queue.Timer = null;
                    break;
                }
            }
        }
        SignalIfDrained();
    }

    /// <summary>
    /// Acquires the locks, executes the queue until it is empty or the turn is over, and releases the locks in the background.
    /// </summary>
    private async Task RunTurnAsync(KeyQueue<TCommand, TOutcome> queue)
    {
        if (Head(queue) is not { } head)
        {
            return;
        }
        var isLocked = head.Mode == LockMode.Distributed || _contended.Contains(queue.Affinity, Now);
        // The trace of the first command contains the whole turn; the spans of the others are linked from their batch.
        using var activity = LockMetrics.StartBelow(head.Trace, "lock turn");
        activity?.SetTag("lock.operation", queue.Keys[0].Options.Operation);
        var handles = new List<LockHandle>(queue.Keys.Count);
        var announced = isLocked ? LaneFor(queue).Announce() : null;
        try
        {
            if (isLocked && !await TryAcquireLocksAsync(queue, handles))
            {
                Expire(queue);
                ExpireSingleAttempts(queue);
                return;
            }
            if (handles.Exists(handle => handle.IsBypass || handle.IsQueued))
            {
                ExpireSingleAttempts(queue);
            }
            RecordTurn(queue, handles, isLocked);
            var batches = await RunBatchesAsync(queue, isLocked, WorkUntil(queue, handles), announced);
            activity?.SetTag("lock.batches", batches);
        }
        finally
        {
            announced?.Dispose();
            for (var last = handles.Count - 1; last >= 0; last--)
            {
                await handles[last].DisposeAsync();
            }
        }
    }

    /// <summary>Acquires all locks or none, in the global key order. False when the wait ran out or every caller has cancelled.</summary>
    private async Task<bool> TryAcquireLocksAsync(KeyQueue<TCommand, TOutcome> queue, List<LockHandle> handles)
    {
        // Not disposed: the last caller may cancel it just after its last use, and it holds no timer.
        var acquiring = new CancellationTokenSource();
        TimeSpan until;
        TimeSpan? impatientAt;
        lock (_sync)
        {
            if (queue.Waiting.Last is not { } tail)
            {
                return false;
            }
            // The command with the longest wait sets the limit; the others leave the queue at their own deadlines.
            until = tail.Value.ArrivedAt + tail.Value.Wait;
            impatientAt = ImpatientAt(queue, queue.Waiting.First!.Value, tail.Value.Wait);
            queue.Acquiring = acquiring;
        }
        try
        {
            foreach (var (key, options) in queue.Keys)
            {
                var left = until - Now;
                var row = impatientAt is { } end
                    ? new RowProtection(_bypassed.Contains(key, Now) ? TimeSpan.Zero : end - Now, MayQueue, !_wantedElsewhere.Contains(queue.Affinity, Now))
                    : null;
                var handle = await _locks.TryAcquireMeasuredAsync(
                    key, options, left > TimeSpan.Zero ? left : TimeSpan.Zero, acquiring.Token, isRowOnly: false, row);
                if (handle is null)
                {
                    return false;
                }
                handles.Add(handle);
            }
            return true;
        }
        catch (OperationCanceledException) when (acquiring.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            lock (_sync)
            {
                queue.Acquiring = null;
            }
        }
    }

    /// <summary>
    /// Whether a command that is refused its lock may wait for its row instead. Not while so many wait that further ones would take
    /// connections from the others.
    /// </summary>
    private bool MayQueue() => _queueLanes.Length > 0 && _lanes[0].HasRoomBeside;

    private CommitLane<TCommand, TOutcome> LaneFor(KeyQueue<TCommand, TOutcome> queue)
    {
        var lanes = _queueLanes.Length > 0 && _wantedElsewhere.Contains(queue.Affinity, Now) ? _queueLanes : _lanes;
        return lanes[(int)((ulong)queue.Affinity % (ulong)lanes.Length)];
    }

    /// <summary>
    /// When waiting for the locks gives way to the row lock alone; null: never. One moment for all of a command's locks, and not after half
    /// of the first command's wait, which may have begun long before this turn.
    /// </summary>
    private TimeSpan? ImpatientAt(KeyQueue<TCommand, TOutcome> queue, Waiter<TCommand, TOutcome> first, TimeSpan wait)
    {
        if (wait <= TimeSpan.Zero || queue.Keys.Any(keyed => keyed.Options.OnTimeout == LockTimeoutAction.Refuse))
        {
            return null;
        }
        var half = wait / 2;
        var impatientAt = Now + (half < _general.Patience ? half : _general.Patience);
        var halfOfFirst = first.ArrivedAt + (first.Wait / 2);
        return first.Wait > TimeSpan.Zero && halfOfFirst < impatientAt ? halfOfFirst : impatientAt;
    }

    private async Task<int> RunBatchesAsync(KeyQueue<TCommand, TOutcome> queue, bool isLocked, TimeSpan workUntil, IDisposable? announced)
    {
        var since = Now;
        var hold = queue.Keys.Min(keyed => keyed.Options.Lease) / 4;
        hold = hold < _options.HoldMax ? hold : _options.HoldMax;
        var last = 0;
        for (var batches = 0; ;)
        {
            if (DequeueBatch(queue, isLocked, workUntil) is { } leaderBatch)
            {
                await LaneFor(queue).RunAsync(leaderBatch, announced);
                last = leaderBatch.Waiters.Count;
                if (++batches >= _options.HoldBatchesMax || Now - since >= hold || (!isLocked && _contended.Contains(queue.Affinity, Now)))
                {
                    return batches;
                }
            }
            else if (last < 2 || !await LingerAsync(queue))
            {
                return batches;
            }
        }
    }

    /// <summary>
    /// Callers that ask again as soon as they are answered arrive a moment after their batch. Releasing and re-acquiring the lock takes
    /// longer than waiting for them, so the leader waits once.
    /// </summary>
    private async Task<bool> LingerAsync(KeyQueue<TCommand, TOutcome> queue)
    {
        if (_options.Linger == TimeSpan.Zero)
        {
            return false;
        }
        var arrival = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_sync)
        {
            if (queue.Waiting.Count > 0)
            {
                return false;
            }
            queue.Arrival = arrival;
        }
        await arrival.Task.WaitAsync(_options.Linger, _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_sync)
        {
            queue.Arrival = null;
            return queue.Waiting.Count > 0;
        }
    }

    private LeaderBatch<TCommand, TOutcome>? DequeueBatch(KeyQueue<TCommand, TOutcome> queue, bool isLocked, TimeSpan workUntil)
    {
        lock (_sync)
        {
            var leaderBatch = new LeaderBatch<TCommand, TOutcome>(queue, isLocked, workUntil);
            Fill(leaderBatch, _options.BatchMax);
            return queue.HandedOver = leaderBatch.Waiters.Count > 0 ? leaderBatch : null;
        }
    }

    /// <summary>Adds the commands that arrived since the hand-over to a batch that its lane is about to start.</summary>
    /// <returns>How many were added.</returns>
    internal int TopUp(LeaderBatch<TCommand, TOutcome> leaderBatch, int commandsMax)
    {
        var moved = 0;
        lock (_sync)
        {
            // If all its callers have cancelled, the batch is finished and its leader is about to dequeue the next one.
            if (leaderBatch.Queue.Waiting.Count == 0 || !leaderBatch.TryKeepOpen())
            {
                return 0;
            }
            moved = Fill(leaderBatch, commandsMax);
        }
        leaderBatch.CommandEnded(continueHere: false);
        return moved;
    }

    // Under the lock.
    private int Fill(LeaderBatch<TCommand, TOutcome> leaderBatch, int commandsMax)
    {
        var queue = leaderBatch.Queue;
        var moved = 0;
        while (moved < commandsMax && queue.Waiting.First is { } first)
        {
            if (!leaderBatch.IsLocked && first.Value.Mode == LockMode.Distributed)
            {
                // The mode has changed: this command needs the lock, so it goes into another turn.
                break;
            }
            queue.Waiting.RemoveFirst();
            _waiting--;
            leaderBatch.Add(first.Value);
            moved++;
        }
        return moved;
    }

    private void RecordTurn(KeyQueue<TCommand, TOutcome> queue, List<LockHandle> handles, bool isLocked)
    {
        _rates.Add(RateKind.Turn, Now);
        if (!isLocked)
        {
            _rates.Add(RateKind.Unlocked, Now);
        }
        if (handles.Exists(handle => handle.IsFallback))
        {
            _rates.Add(RateKind.Fallback, Now);
        }
        if (handles.Exists(handle => handle.IsQueued))
        {
            _rates.Add(RateKind.Queued, Now);
        }
        if (handles.Exists(handle => handle.IsBypass))
        {
            _rates.Add(RateKind.Bypass, Now);
        }
        foreach (var handle in handles.Where(handle => !handle.IsQueued))
        {
            if (!handle.IsBypass)
            {
                _bypassed.Remove(handle.Key);
            }
            else if (!_bypassed.Contains(handle.Key, Now))
            {
                // Not renewed by turns that did not wait themselves: after a lease there is patience again.
                _bypassed.Add(handle.Key, Now);
                _logger.Bypassed(handle.Key);
            }
        }
        if (handles.Exists(handle => handle.WasContended))
        {
            _wantedElsewhere.Add(queue.Affinity, Now);
        }
    }

    private TimeSpan WorkUntil(KeyQueue<TCommand, TOutcome> queue, List<LockHandle> handles)
    {
        // The same limit applies without a lock, so that a frozen database cannot occupy a lane forever.
        var left = handles.Count > 0 ? handles.Min(handle => handle.LeaseEndsAt) - _clock.GetUtcNow() : queue.Keys.Min(keyed => keyed.Options.Lease);
        return Now + left - _general.LeaseMargin;
    }

    private Waiter<TCommand, TOutcome>? Head(KeyQueue<TCommand, TOutcome> queue)
    {
        lock (_sync)
        {
            return queue.Waiting.First?.Value;
        }
    }

    private void ExpireSingleAttempts(KeyQueue<TCommand, TOutcome> queue)
    {
        foreach (var waiter in RemoveWaiting(queue, static waiter => waiter.Wait <= TimeSpan.Zero))
        {
            TimedOut(waiter);
        }
    }

    private void FailAll(KeyQueue<TCommand, TOutcome> queue, Exception failure)
    {
        foreach (var waiter in RemoveWaiting(queue, static _ => true))
        {
            waiter.TrySetException(failure);
            Count(RateKind.Failed, "failed");
        }
    }

    private List<Waiter<TCommand, TOutcome>> RemoveWaiting(KeyQueue<TCommand, TOutcome> queue, Func<Waiter<TCommand, TOutcome>, bool> which)
    {
        lock (_sync)
        {
            return [.. queue.Waiting.Where(which).ToList().Where(waiter => waiter.TryLeave() && TryRemove(waiter))];
        }
    }
}
