namespace PointSystem.Locking.Combining;

/// <summary>The commands of one key that a leader hands to a commit lane, under that key's lock.</summary>
internal sealed class LeaderBatch<TCommand, TOutcome>(KeyQueue<TCommand, TOutcome> queue, bool isLocked, TimeSpan workUntil)
{
    private readonly TaskCompletionSource _done = new();
    private int _unfinished;

    public KeyQueue<TCommand, TOutcome> Queue { get; } = queue;

    /// <summary>Whether the leader holds the key's lock.</summary>
    public bool IsLocked { get; } = isLocked;

    /// <summary>Grows only under the executor's lock, and only until its lane has started it.</summary>
    public List<Waiter<TCommand, TOutcome>> Waiters { get; } = [];

    /// <summary>When the work under the lock must end, on the executor's clock.</summary>
    public TimeSpan WorkUntil { get; } = workUntil;

    /// <summary>Completes when every command has ended. Never fails.</summary>
    public Task Done => _done.Task;

    public void Add(Waiter<TCommand, TOutcome> waiter)
    {
        Interlocked.Increment(ref _unfinished);
        Waiters.Add(waiter);
        waiter.LeaderBatch = this;
    }

    /// <summary>Keeps the batch open until a call of <see cref="CommandEnded"/>. False when it has already completed.</summary>
    public bool TryKeepOpen()
    {
        for (var open = Volatile.Read(ref _unfinished); open > 0;)
        {
            var seen = Interlocked.CompareExchange(ref _unfinished, open + 1, open);
            if (seen == open)
            {
                return true;
            }
            open = seen;
        }
        return false;
    }

    /// <param name="continueHere">The leader continues within this call. That is safe because it only dequeues commands and hands them to
    /// the lane, or releases its lock. The next batch of a hot key is then ready when its lane asks for more, without waiting for a
    /// thread. Never call this under a lock.</param>
    public void CommandEnded(bool continueHere)
    {
        if (Interlocked.Decrement(ref _unfinished) > 0)
        {
            return;
        }
        if (continueHere)
        {
            _done.TrySetResult();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(static leaderBatch => leaderBatch._done.TrySetResult(), this, preferLocal: false);
        }
    }
}
