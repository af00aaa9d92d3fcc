using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>Runs one batch and gives each command its outcome, or classifies the failure of the batch.</summary>
internal sealed class BatchRunner<TCommand, TOutcome>(IBatchHandler<TCommand, TOutcome> handler, CombiningExecutor<TCommand, TOutcome> executor)
    where TCommand : class
    where TOutcome : class
{
    // Postgres reads lock_timeout = 0 as "no limit". A batch that has just started its turn may overlap the end of the commit before it,
    // so it needs a minimum.
    private static readonly TimeSpan RowLockWaitMin = TimeSpan.FromMilliseconds(25);

    private const int LinksMax = 128;

    public static TimeSpan AtLeast(TimeSpan wait) => wait > RowLockWaitMin ? wait : RowLockWaitMin;

    /// <summary>Fills up the leader batches that a lane has gathered with the commands that arrived since the hand-over.</summary>
    public void TopUp(List<List<Waiter<TCommand, TOutcome>>> parts, int commandsMax)
    {
        var room = commandsMax - parts.Sum(part => part.Count);
        foreach (var part in parts)
        {
            // Commands that return from a detour no longer belong to a leader's batch.
            if (room > 0 && part[0].LeaderBatch is { } leaderBatch && ReferenceEquals(part, leaderBatch.Waiters))
            {
                room -= executor.TopUp(leaderBatch, room);
            }
        }
    }

    /// <summary>Drops commands whose caller has cancelled or whose wait has run out.</summary>
    public List<Waiter<TCommand, TOutcome>> Begin(IEnumerable<Waiter<TCommand, TOutcome>> waiters)
    {
        var begun = new List<Waiter<TCommand, TOutcome>>();
        foreach (var waiter in Sweep(waiters))
        {
            if (waiter.TryBegin())
            {
                begun.Add(waiter);
                if (!waiter.HasBegun)
                {
                    waiter.HasBegun = true;
                    executor.Began(waiter);
                }
            }
            else
            {
                waiter.End();
            }
        }
        return begun;
    }

    /// <summary>
    /// Runs one transaction. If it has certainly been rolled back, it is split until the command that causes the failure fails alone.
    /// Returns the commands that found their row busy and may still wait: they have no outcome yet.
    /// </summary>
    /// <param name="waiters">Commands of equal affinity must be adjacent.</param>
    /// <param name="rowLockWaitMax">
    /// Upper limit for a row lock wait, applied when the commands' own waits are longer. Zero: commands whose row is busy are left out.
    /// </param>
    public async Task<IReadOnlyList<Waiter<TCommand, TOutcome>>> RunAsync(List<Waiter<TCommand, TOutcome>> waiters, TimeSpan rowLockWaitMax)
    {
        var busy = new List<Waiter<TCommand, TOutcome>>();
        var rest = new Stack<List<Waiter<TCommand, TOutcome>>>();
        rest.Push(waiters);
        while (rest.TryPop(out var part))
        {
            var (fault, failure) = await TryAsync(part, rowLockWaitMax, busy);
            switch (fault)
            {
                case null:
                    break;
                case BatchFault.Busy when !HaveOneRow(part):
                    // It is unknown which row is busy. The free ones are found with the minimum wait.
                    rowLockWaitMax = RowLockWaitMin;
                    Split(part, IsRowCut, rest);
                    break;
                case BatchFault.Busy:
                    busy.AddRange(part.Where(waiter => IsStillWaiting(waiter, hasWaited: true)));
                    break;
                case BatchFault.RolledBack when part.Count > 1:
                    Split(part, IsKeyCut, rest);
                    break;
                default:
                    Fail(part, failure!);
                    if (fault == BatchFault.Away)
                    {
                        while (rest.TryPop(out var other))
                        {
                            Fail(other, failure!);
                        }
                    }
                    break;
            }
        }
        return busy;
    }

    /// <summary>Ends the waits that have run out, and drops commands whose caller has cancelled. Returns the rest.</summary>
    public List<Waiter<TCommand, TOutcome>> Sweep(IEnumerable<Waiter<TCommand, TOutcome>> waiters)
    {
        var now = executor.Now;
        var left = new List<Waiter<TCommand, TOutcome>>();
        foreach (var waiter in waiters)
        {
            if (waiter.Deadline <= now && waiter.TryLeave())
            {
                executor.TimedOut(waiter);
            }
            else if (waiter.HasLeft)
            {
                waiter.End();
            }
            else
            {
               left.Add(waiter);
            }
        }
        return left;
    }

    private async Task<(BatchFault? Fault, Exception? Failure)> TryAsync(
        List<Waiter<TCommand, TOutcome>> waiters, TimeSpan rowLockWaitMax, List<Waiter<TCommand, TOutcome>> busy)
    {
        var now = executor.Now;
        var keys = waiters.Select(waiter => waiter.Queue).Distinct().Count();
        executor.RanBatch(waiters.Count, keys);
        using var activity = Start(waiters, keys);
        var limit = waiters.Min(waiter => waiter.LeaderBatch!.WorkUntil) - now;
        limit = limit > TimeSpan.Zero ? limit : TimeSpan.Zero;
        using var ending = new CancellationTokenSource(limit, executor.Clock);
        try
        {
            var wait = waiters.Min(waiter => waiter.RemainingWait(now));
            wait = rowLockWaitMax == TimeSpan.Zero ? rowLockWaitMax : AtLeast(wait < rowLockWaitMax ? wait : rowLockWaitMax);
            var outcomes = await BoundedWork.RunAsync(
                handler.ExecuteAsync(waiters.ConvertAll(waiter => waiter.Command), wait, ending.Token), executor.Grace, executor.Clock, ending.Token);
            if (outcomes.Count != waiters.Count)
            {
                throw new InvalidOperationException($"{waiters.Count} commands have {outcomes.Count} outcomes.");
            }
            // Counted first, so that a caller that has its result sees the counter updated.
            executor.Count(RateKind.Executed, "executed", outcomes.Count(outcome => outcome is not null));
            // Continuing the leaders of many keys here would hold up the lane. A single leader supplies its next work.
            var ofOneLeader = ReferenceEquals(waiters[0].LeaderBatch, waiters[^1].LeaderBatch);
            for (var i = 0; i < waiters.Count; i++)
            {
                if (outcomes[i] is { } outcome)
                {
                    waiters[i].TrySetResult(outcome);
                    waiters[i].End(ofOneLeader);
                }
                else if (IsStillWaiting(waiters[i], hasWaited: false))
                {
                    busy.Add(waiters[i]);
                }
            }
            return (null, null);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            activity?.SetStatus(ActivityStatusCode.Error, failure.GetType().Name);
            // A cancelled commit may have taken effect, so cancelled work is never retried.
            return ending.IsCancellationRequested && BoundedWork.IsCancellation(failure)
                ? (BatchFault.Unknown, executor.LeaseEnded([.. waiters.Select(waiter => waiter.Queue.Keys[0].Key).Distinct()], failure))
                : (Classify(failure), failure);
        }
    }

    /// <summary>Fails the commands that have no outcome yet.</summary>
    public void Fail(List<Waiter<TCommand, TOutcome>> waiters, Exception failure)
    {
        var failed = waiters.Count(waiter => waiter.TrySetException(failure));
        if (failed > 0)
        {
            executor.Count(RateKind.Failed, "failed", failed);
        }
        waiters.ForEach(waiter => waiter.End());
    }

    /// <summary>Fails the commands that an exception in the lane itself has left unexecuted.</summary>
    public void Abandon(List<Waiter<TCommand, TOutcome>> waiters, Exception mistake)
    {
        executor.LaneFaulted(waiters.Count, mistake);
        Fail(waiters, mistake);
    }

    private bool IsStillWaiting(Waiter<TCommand, TOutcome> waiter, bool hasWaited)
    {
        executor.WasBusy(waiter, hasWaited);

        // A command without a wait has not had its attempt yet: that one is made where rows are waited for.
        if (!hasWaited || waiter.RemainingWait(executor.Now) > TimeSpan.Zero)
        {
            waiter.Reopen();
            if (waiter.Caller.IsCancellationRequested)
            {
                // The caller cancelled while its batch was running.
                executor.Leave(waiter, waiter.Caller);
            }
            return !waiter.HasLeft;
        }
        executor.TimedOut(waiter);
        return false;
    }

    private static bool HaveOneRow(List<Waiter<TCommand, TOutcome>> waiters) => waiters[0].Queue.Affinity == waiters[^1].Queue.Affinity;

    /// <summary>
    /// Splits in halves, so that one failing command among n costs about 2 log n transactions. Keeps the order of arrival, and cuts
    /// between two keys (or rows) where there are several.
    /// </summary>
    private static void Split(
        List<Waiter<TCommand, TOutcome>> waiters, Func<List<Waiter<TCommand, TOutcome>>, int, bool> isCut, Stack<List<Waiter<TCommand, TOutcome>>> into)
    {
        var middle = waiters.Count / 2;
        for (var away = 0; away <= waiters.Count / 2; away++)
        {
            if (isCut(waiters, (waiters.Count / 2) + away))
            {
                middle = (waiters.Count / 2) + away;
                break;
            }
            if (isCut(waiters, (waiters.Count / 2) - away))
            {
                middle = (waiters.Count / 2) - away;
                break;
            }
        }
        into.Push(waiters[middle..]);
        into.Push(waiters[..middle]);
    }

    private static bool IsKeyCut(List<Waiter<TCommand, TOutcome>> waiters, int at) =>
        at > 0 && at < waiters.Count && !ReferenceEquals(waiters[at].Queue, waiters[at - 1].Queue);

    private static bool IsRowCut(List<Waiter<TCommand, TOutcome>> waiters, int at) =>
        at > 0 && at < waiters.Count && waiters[at].Queue.Affinity != waiters[at - 1].Queue.Affinity;

    private BatchFault Classify(Exception failure)
    {
        try
        {
            return handler.Classify(failure);
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            // The lane must survive this. A failure that cannot be classified is not retried.
            return BatchFault.Unknown;
        }
    }

    private static Activity? Start(List<Waiter<TCommand, TOutcome>> waiters, int keys)
    {
        if (!LockMetrics.Activities.HasListeners())
        {
            return null;
        }
        var links = waiters.Skip(1).Where(waiter => waiter.Trace != default).Take(LinksMax).Select(waiter => new ActivityLink(waiter.Trace));
        var activity = LockMetrics.StartBelow(waiters[0].Trace, "lock batch", links);
        activity?.SetTag("batch.size", waiters.Count);
        activity?.SetTag("batch.keys", keys);
        return activity;
    }
}
