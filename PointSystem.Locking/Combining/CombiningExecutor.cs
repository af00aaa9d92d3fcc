using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Combining;
using PointSystem.Locking.Keys;

namespace PointSystem.Locking;

/// <summary>
/// Executes commands under the locks that their <see cref="DistributedLockAttribute"/>s declare, and combines them: commands of one key
/// queue in memory behind one leader, which acquires the locks once and hands the queued commands to a commit lane. A lane puts the
/// batches of many leaders under one commit. No command waits for others to arrive, only, for a moment, for locks that have already been asked for.
/// </summary>
public sealed partial class CombiningExecutor<TCommand, TOutcome> : ICombiner
    where TCommand : class
    where TOutcome : class
{
    private static readonly TimeSpan WantedElsewhereFor = TimeSpan.FromSeconds(1);

    private readonly CommandLockTable _table;
    private readonly DistributedLocks _locks;
    private readonly IBatchHandler<TCommand, TOutcome> _handler;
    private readonly ILockModeSource _modes;
    private readonly LockingOptions _general;
    private readonly CombiningOptions _options;
    private readonly LockMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly long _startedAt;

    private readonly Lock _sync = new();
    private readonly Dictionary<string, KeyQueue<TCommand, TOutcome>> _queues = new(StringComparer.Ordinal);
    private readonly CommitLane<TCommand, TOutcome>[] _lanes;
    private readonly CommitLane<TCommand, TOutcome>[] _queueLanes;

    // Rows for which waits were long. In mode adaptive their keys need the lock.
    private readonly ContendedKeys<long> _contended;

    // Rows that another replica recently worked on.
    private readonly ContendedKeys<long> _wantedElsewhere = new(WantedElsewhereFor);

    // Locks that a leader has bypassed: until one is acquired again, or for the length of a lease, further turns make one attempt and do not
    // wait. So a dead holder costs the callers of a key one wait, not one per turn.
    private readonly ContendedKeys<string> _bypassed;
    private readonly RecentRates _rates = new();
    private TaskCompletionSource? _drained;
    private int _waiting;
    private int _rowOnly;

    internal CombiningExecutor(
        CommandLockTable table, DistributedLocks locks, IBatchHandler<TCommand, TOutcome> handler, ILockModeSource modes,
        IOptions<LockingOptions> options, LockMetrics metrics, TimeProvider clock, ILogger<CombiningExecutor<TCommand, TOutcome>> logger)
    {
        _table = table;
        _locks = locks;
        _handler = handler;
        _modes = modes;
        _general = options.Value;
        _options = _general.Combining;
        _metrics = metrics;
        _clock = clock;
        _logger = logger;
        _startedAt = clock.GetTimestamp();
        _contended = new ContendedKeys<long>(_options.HotFor);
        _bypassed = new ContendedKeys<string>(new LockOptions().Lease);
        var detours = new SemaphoreSlim(_options.DetoursMax);
        var batches = new BatchRunner<TCommand, TOutcome>(handler, this);
        _queueLanes = [.. Enumerable.Range(_options.Lanes, _options.QueueLanes)
            .Select(number => new CommitLane<TCommand, TOutcome>(batches, _options, detours, metrics, clock, number))];
        _lanes = [.. Enumerable.Range(0, _options.Lanes)
            .Select(number => new CommitLane<TCommand, TOutcome>(batches, _options, detours, metrics, clock, number, _queueLanes))];
        metrics.Observe(this);
    }

    /// <summary>Commands that wait in memory, over all keys.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Time since the executor was created.</summary>
    internal TimeSpan Now => _clock.GetElapsedTime(_startedAt);

    internal CombiningOptions Options => _options;

    internal TimeProvider Clock => _clock;

    /// <summary>How long cancelled work may take to end before it is abandoned: by then its lease has ended.</summary>
    internal TimeSpan Grace => _general.LeaseMargin;

    /// <summary>Executes the command in the mode that applies to it now, and returns its own committed outcome.</summary>
    /// <param name="command">Its type was registered with <c>AddLockedCommands</c>.</param>
    /// <param name="cancellationToken">Removes the command from the queue. A command that is already in a batch is executed anyway; its
    /// caller just does not see the outcome.</param>
    /// <exception cref="LockNotAcquiredException">The wait ran out. It counts from arrival and includes queue, lock and row lock. Nothing
    /// was done.</exception>
    /// <exception cref="QueueFullException">Too many commands are waiting. Nothing was done.</exception>
    /// <exception cref="LeaseEndedException">The work was cancelled because its lease was about to end.</exception>
    public async Task<TOutcome> ExecuteAsync<T>(T command, CancellationToken cancellationToken)
        where T : class, TCommand
    {
        ArgumentNullException.ThrowIfNull(command);
        cancellationToken.ThrowIfCancellationRequested();
        var arrivedAt = Now;
        var locks = _table.For<T>();
        var keys = locks.Resolve(command);
        var affinity = _handler.Affinity(command);
        var mode = await _modes.ModeForAsync(typeof(T), affinity, cancellationToken);
        using var activity = LockMetrics.Activities.StartActivity("lock queue");
        activity?.SetTag("lock.operation", keys[0].Options.Operation);
        activity?.SetTag("lock.mode", mode.ToString());
        if (mode == LockMode.Row)
        {
            return await ExecuteAloneAsync(command, keys, locks.Wait, cancellationToken);
        }
        var waiter = Enqueue(command, keys, affinity, mode, locks.Wait, arrivedAt, (activity ?? Activity.Current)?.Context ?? default, cancellationToken);
        using var leaving = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (executor, waiter) = ((CombiningExecutor<TCommand, TOutcome>, Waiter<TCommand, TOutcome>))state!;
                executor.Leave(waiter, token);
            },
            (this, waiter));
        return await waiter.Task;
    }

    private async Task<TOutcome> ExecuteAloneAsync(TCommand command, IReadOnlyList<KeyedLock> keys, TimeSpan wait, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _rowOnly);
        try
        {
            foreach (var (_, options) in keys)
            {
                _metrics.Attempted(options.Operation);
                _metrics.Finished(options.Operation, LockOutcome.RowOnly, TimeSpan.Zero);
            }
            var limit = keys.Min(keyed => keyed.Options.Lease) - _general.LeaseMargin;
            using var timeUp = new CancellationTokenSource(limit, _clock);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeUp.Token);
            try
            {
                var outcomes = await BoundedWork.RunAsync(
                    _handler.ExecuteAsync([command], BatchRunner<TCommand, TOutcome>.AtLeast(wait), ending.Token), Grace, _clock, ending.Token);
                _rates.Add(RateKind.RowOnly, Now);
                return outcomes[0]!;
            }
            catch (Exception failure) when (timeUp.IsCancellationRequested && !cancellationToken.IsCancellationRequested && BoundedWork.IsCancellation(failure))
            {
                throw LeaseEnded([.. keys.Select(keyed => keyed.Key)], failure);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _rowOnly);
            SignalIfDrained();
        }
    }

    private Waiter<TCommand, TOutcome> Enqueue(
        TCommand command, IReadOnlyList<KeyedLock> keys, long affinity, LockMode mode, TimeSpan wait, TimeSpan arrivedAt, ActivityContext trace,
        CancellationToken caller)
    {
        // No key contains this separator, so no two sets of keys get the same name.
        var name = keys.Count == 1 ? keys[0].Key : string.Join("||", keys.Select(keyed => keyed.Key));
        Waiter<TCommand, TOutcome> waiter;
        bool isNew;
        lock (_sync)
        {
            isNew = !_queues.TryGetValue(name, out var queue);
            if (FindRefusal(queue, keys[0].Key, wait) is { } refusal)
            {
                throw refusal;
            }
            if (isNew)
            {
                queue = new KeyQueue<TCommand, TOutcome>(name, keys, affinity);
                _queues.Add(name, queue);
            }
            waiter = new Waiter<TCommand, TOutcome>
            {
                Command = command,
                Queue = queue!,
                Mode = mode,
                Wait = wait,
                ArrivedAt = arrivedAt,
                Trace = trace,
                Caller = caller,
            };
            queue!.Waiting.AddLast(waiter.Node);
            _waiting++;
            ArmTimer(queue, waiter.Deadline);
            queue.Arrival?.TrySetResult();
        }
        if (isNew)
        {
            // Off the caller's thread and context, because the leader does not work for a single request.
            ThreadPool.UnsafeQueueUserWorkItem(static lead => _ = lead.Executor.LeadAsync(lead.Queue), (Executor: this, waiter.Queue), preferLocal: false);
        }
        return waiter;
    }

    // Under the lock.
    private Exception? FindRefusal(KeyQueue<TCommand, TOutcome>? queue, string key, TimeSpan wait)
    {
        if (_waiting >= _options.QueueMax || queue?.Waiting.Count >= _options.KeyQueueMax)
        {
            Count(RateKind.Refused, "refused");
            return new QueueFullException(key, queue?.Waiting.Count ?? _waiting);
        }
        if (queue is not null && wait <= TimeSpan.Zero)
        {
            Count(RateKind.TimedOut, "timed_out");
            return new LockNotAcquiredException(key, wait);
        }
        return null;
    }

    /// <summary>The caller cancels its command.</summary>
    internal void Leave(Waiter<TCommand, TOutcome> waiter, CancellationToken token)
    {
        CancellationTokenSource? acquiring = null;
        lock (_sync)
        {
            if (!waiter.TryLeave())
            {
                return;
            }
            if (TryRemove(waiter) && waiter.Queue.Waiting.Count == 0)
            {
                acquiring = waiter.Queue.Acquiring;
            }
        }
        if (waiter.TrySetCanceled(token))
        {
            Count(RateKind.Cancelled, "cancelled");
        }
        waiter.End();
        acquiring?.Cancel();
    }

    // Under the lock. A queue's timer is set at its first command and fires once per wait, not once per command.
    private void ArmTimer(KeyQueue<TCommand, TOutcome> queue, TimeSpan deadline)
    {
        if (deadline >= queue.TimerAt)
        {
            return;
        }
        queue.TimerAt = deadline;
        var due = deadline - Now;
        due = due > TimeSpan.Zero ? due : TimeSpan.Zero;
        if (queue.Timer is { } timer)
        {
            timer.Change(due, Timeout.InfiniteTimeSpan);
            return;
        }
        // The timer must not capture a request's context.
        using (ExecutionContext.SuppressFlow())
        {
            queue.Timer = _clock.CreateTimer(_ => Expire(queue), null, due, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>
    /// Ends the waits that have run out, in the queue and in batches that a lane has not started yet. A command that is being executed is
    /// not interrupted.
    /// </summary>
    private void Expire(KeyQueue<TCommand, TOutcome> queue)
    {
        var expired = new List<Waiter<TCommand, TOutcome>>();
        lock (_sync)
        {
            var now = Now;
            var next = TimeSpan.MaxValue;
            foreach (var waiter in queue.Waiting.Concat(queue.HandedOver?.Waiters ?? []).ToList())
            {
                if (waiter.Deadline > now)
                {
                    next = waiter.Deadline < next ? waiter.Deadline : next;
                }
                else if (waiter.TryLeave())
                {
                    TryRemove(waiter);
                    expired.Add(waiter);
                }
            }
            queue.TimerAt = TimeSpan.MaxValue;
            if (queue.Timer is not null)
            {
                ArmTimer(queue, next);
            }
        }
        foreach (var waiter in expired)
        {
            TimedOut(waiter);
        }
    }

    internal void TimedOut(Waiter<TCommand, TOutcome> waiter)
    {
        waiter.Expire();
        Count(RateKind.TimedOut, "timed_out");
        waiter.End();
    }

    // Under the lock.
    private bool TryRemove(Waiter<TCommand, TOutcome> waiter)
    {
        if (waiter.Node.List is null)
        {
            return false;
        }
        waiter.Queue.Waiting.Remove(waiter.Node);
        _waiting--;
        return true;
    }

    internal void Count(RateKind kind, string outcome, long count = 1)
    {
        _rates.Add(kind, Now, count);
        _metrics.Commanded(outcome, count);
    }
}
