using PointSystem.Locking.Combining;

namespace PointSystem.Locking;

/// <summary>The executor's state for monitoring, and its shutdown.</summary>
public sealed partial class CombiningExecutor<TCommand, TOutcome>
{
    private const int NamedMax = 4;

    /// <inheritdoc cref="CombiningSnapshot"/>
    public CombiningSnapshot Snapshot(int keysMax)
    {
        (KeyQueue<TCommand, TOutcome> Queue, int Waiting, long Executed)[] queues;
        lock (_sync)
        {
            // Every caller passes through this lock, so it is held for copying only, not for sorting.
            queues = [.. _queues.Values.Select(queue => (queue, queue.Waiting.Count, queue.Executed))];
        }
        var hottest = queues.OrderByDescending(queue => queue.Waiting).ThenByDescending(queue => queue.Executed).Take(keysMax).ToList();
        lock (_sync)
        {
            var now = Now;
            return new CombiningSnapshot(
                _waiting, _queues.Count, _contended.Count, [.. hottest.Select(hot => Describe(hot.Queue, now))], _rates.Read(now));
        }
    }

    // Under the lock.
    private static KeySnapshot Describe(KeyQueue<TCommand, TOutcome> queue, TimeSpan now) => new(
        [.. queue.Keys.Select(keyed => keyed.Key)],
        queue.Waiting.Count,
        queue.Waiting.First is { } first ? now - first.Value.ArrivedAt : TimeSpan.Zero,
        queue.Executed,
        queue.Executed > 0 ? queue.WaitedInAll / queue.Executed : TimeSpan.Zero,
        queue.LongestWait);

    /// <summary>Waits until every accepted command has its outcome, or until the token is cancelled.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        Task drained;
        lock (_sync)
        {
            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            drained = _drained.Task;
        }
        SignalIfDrained();
        await drained.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>The command's first batch is about to run.</summary>
    internal void Began(Waiter<TCommand, TOutcome> waiter)
    {
        var waited = Now - waiter.ArrivedAt;
        lock (_sync)
        {
            var queue = waiter.Queue;
            queue.Executed++;
            queue.WaitedInAll += waited;
            queue.LongestWait = waited > queue.LongestWait ? waited : queue.LongestWait;
        }
        _metrics.Queued(waiter.Queue.Keys[0].Options.Operation, waited);
    }

    internal void RanBatch(int commands, int keys)
    {
        _rates.Add(RateKind.Batch, Now);
        _metrics.Ran(commands, keys);
    }

    /// <summary>A row lock was busy: a transaction outside this replica's queue works on the same row.</summary>
    internal void WasBusy(Waiter<TCommand, TOutcome> waiter, bool hasWaited)
    {
        // Where no further row can be waited for, the lock is what keeps such commands out of the database's queue.
        if (hasWaited || !_lanes[0].HasRoomBeside)
        {
            _contended.Add(waiter.Queue.Affinity, Now);
        }
        _wantedElsewhere.Add(waiter.Queue.Affinity, Now);
    }

    /// <summary>A lane caught an exception that none of its commands caused. The lane goes on.</summary>
    internal void LaneFaulted(int commands, Exception mistake) => _logger.LaneFaulted(mistake, commands);

    /// <summary>Logs that work was cancelled because its lease was about to end, and creates the exception for its callers.</summary>
    internal LeaseEndedException LeaseEnded(IReadOnlyList<string> keys, Exception failure)
    {
        var named = string.Join(" and ", keys.Take(NamedMax));
        _logger.LeaseEnded(keys.Count > NamedMax ? $"{named} and {keys.Count - NamedMax} others" : named);
        return new LeaseEndedException(keys, failure);
    }

    private void SignalIfDrained()
    {
        lock (_sync)
        {
            if (_queues.Count == 0 && Volatile.Read(ref _rowOnly) == 0)
            {
                _drained?.TrySetResult();
            }
        }
    }
}
