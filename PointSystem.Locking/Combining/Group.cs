namespace PointSystem.Locking.Combining;

/// <summary>What a leader hands to a lane: commands of one key, under that key's lock.</summary>
internal sealed class Group<TCommand, TOutcome>(KeyQueue<TCommand, TOutcome> queue, List<Waiter<TCommand, TOutcome>> waiters, TimeSpan workUntil)
{
    private readonly TaskCompletionSource _done = new();
    private int _open = waiters.Count;

    public KeyQueue<TCommand, TOutcome> Queue { get; } = queue;

    public List<Waiter<TCommand, TOutcome>> Waiters { get; } = waiters;

    /// <summary>When work under the lock must be over, on the executor's clock.</summary>
    public TimeSpan WorkUntil { get; } = workUntil;

    /// <summary>Completes when every command has its end. Never fails.</summary>
    public Task Done => _done.Task;

    /// <param name="continueHere">
    /// The leader goes on within this call. It may: it only takes what is queued and hands it to the lane, or gives its lock back. So a hot key's next batch
    /// is ready when its lane asks for more, without waiting for a thread. Never under a lock.
    /// </param>
    public void OneDone(bool continueHere)
    {
        if (Interlocked.Decrement(ref _open) > 0)
        {
            return;
        }
        if (continueHere)
        {
            _done.TrySetResult();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(static group => group._done.TrySetResult(), this, preferLocal: false);
        }
    }
}
