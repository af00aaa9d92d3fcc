namespace PointSystem.Locking.Combining;

/// <summary>What a leader hands to a lane: commands of one key, under that key's lock.</summary>
internal sealed class LeaderBatch<TCommand, TOutcome>(KeyQueue<TCommand, TOutcome> queue, bool isLocked, TimeSpan workUntil)
{
    private readonly TaskCompletionSource _done = new();
    private int _unfinished;

    public KeyQueue<TCommand, TOutcome> Queue { get; } = queue;

    /// <summary>Whether the leader has the key's lock.</summary>
    public bool IsLocked { get; } = isLocked;

    /// <summary>Grows only under the executor's lock, and only until its lane has begun with it.</summary>
    public List<Waiter<TCommand, TOutcome>> Waiters { get; } = [];

    /// <summary>When work under the lock must be over, on the executor's clock.</summary>
    public TimeSpan WorkUntil { get; } = workUntil;

    /// <summary>Completes when every command has its end. Never fails.</summary>
    public Task Done => _done.Task;

    public void Add(Waiter<TCommand, TOutcome> waiter)
    {
        Interlocked.Increment(ref _unfinished);
        Waiters.Add(waiter);
        waiter.LeaderBatch = this;
    }

    /// <summary>Keeps the leaderBatch from being done until a call of <see cref="CommandEnded"/>. False when it is done.</summary>
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

    /// <param name="continueHere">The leader goes on within this call. It may: it only takes what is queued and hands it to the
    /// lane, or gives its lock back. So a hot key's next batch is ready when its lane asks for more, without waiting for a thread.
    /// Never under a lock.</param>
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
