using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>
/// Executes what leaders hand over, one transaction at a time: whatever is ready when the last one is done goes together. Rows that turn out busy
/// go on beside the lane, so that their neighbours do not wait for them.
/// </summary>
internal sealed class CommitLane<TCommand, TOutcome>(
    BatchRunner<TCommand, TOutcome> batches, CombiningOptions options, SemaphoreSlim detours, LockMetrics metrics, TimeProvider clock, int number)
    where TCommand : class
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(50);

    private readonly Lock _sync = new();
    private readonly Queue<Group<TCommand, TOutcome>> _ready = new();

    // By affinity: who follows a busy row must not overtake, nor try in vain.
    private readonly Dictionary<long, Queue<Waiter<TCommand, TOutcome>>> _busy = [];
    private bool _isRunning;

    /// <summary>Hands a group over. Completes, and never fails, when every command of it has its end.</summary>
    public Task RunAsync(Group<TCommand, TOutcome> group)
    {
        var start = false;
        lock (_sync)
        {
            if (_busy.TryGetValue(group.Queue.Affinity, out var behind))
            {
                group.Waiters.ForEach(behind.Enqueue);
            }
            else
            {
                _ready.Enqueue(group);
                start = !_isRunning;
                _isRunning = true;
            }
        }
        if (start)
        {
            // On the leader's thread until the first wait: a command alone has no further hop.
            _ = RunAllAsync();
        }
        return group.Done;
    }

    private async Task RunAllAsync()
    {
        // The lane is nobody's request, whoever set it going.
        Activity.Current = null;
        var since = clock.GetTimestamp();
        var groups = new List<Group<TCommand, TOutcome>>();
        while (Gather(groups))
        {
            // Those of one row stand together, in their order of arrival.
            var begun = batches.Begin(groups.OrderBy(group => group.Queue.Affinity).SelectMany(group => group.Waiters));
            groups.Clear();
            if (begun.Count > 0)
            {
                await ExecuteAsync(begun);
            }
            metrics.LaneBusy(number, clock.GetElapsedTime(since));
            since = clock.GetTimestamp();
        }
    }

    private async Task ExecuteAsync(List<Waiter<TCommand, TOutcome>> begun)
    {
        try
        {
            Detour(await batches.RunAsync(begun, options.LaneRowLockWait));
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            // A lane that fell would take all its keys with it.
            batches.Fail(begun, mistake);
        }
    }

    private bool Gather(List<Group<TCommand, TOutcome>> groups)
    {
        lock (_sync)
        {
            var commands = 0;
            while (_ready.TryPeek(out var next) && (groups.Count == 0 || (commands + next.Waiters.Count <= options.BatchMax && groups.Count < options.BatchKeysMax)))
            {
                _ready.Dequeue();
                if (_busy.TryGetValue(next.Queue.Affinity, out var behind))
                {
                    next.Waiters.ForEach(behind.Enqueue);
                    continue;
                }
                groups.Add(next);
                commands += next.Waiters.Count;
            }
            return _isRunning = groups.Count > 0;
        }
    }

    private void Detour(IReadOnlyList<Waiter<TCommand, TOutcome>> busy)
    {
        foreach (var waiter in busy)
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
            if (start)
            {
                ThreadPool.UnsafeQueueUserWorkItem(static call => _ = call.Lane.DetourAsync(call.Affinity), (Lane: this, Affinity: affinity), preferLocal: false);
            }
        }
    }

    /// <summary>Executes one row's commands beside the lane until none is left, each for as long as its own wait allows.</summary>
    private async Task DetourAsync(long affinity)
    {
        while (!await detours.WaitAsync(SweepEvery))
        {
            lock (_sync)
            {
                _busy[affinity] = new(batches.Sweep(_busy[affinity]));
            }
        }
        try
        {
            var waiters = new List<Waiter<TCommand, TOutcome>>();
            while (TakeBusy(affinity, waiters))
            {
                var begun = batches.Begin(waiters);
                waiters = begun.Count > 0 ? [.. await batches.RunAsync(begun, TimeSpan.MaxValue)] : [];
            }
        }
        finally
        {
            detours.Release();
        }
    }

    private bool TakeBusy(long affinity, List<Waiter<TCommand, TOutcome>> waiters)
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
}
