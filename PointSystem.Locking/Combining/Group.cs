namespace PointSystem.Locking.Combining;

/// <summary>What a leader hands to a lane: commands of one key, under that key's lock.</summary>
internal sealed class Group<TCommand, TOutcome>(KeyQueue<TCommand, TOutcome> queue, List<Waiter<TCommand, TOutcome>> waiters, TimeSpan workUntil)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _open = waiters.Count;

    public KeyQueue<TCommand, TOutcome> Queue { get; } = queue;

    public List<Waiter<TCommand, TOutcome>> Waiters { get; } = waiters;

    /// <summary>When work under the lock must be over, on the executor's clock.</summary>
    public TimeSpan WorkUntil { get; } = workUntil;

    /// <summary>Completes when every command has its end. Never fails.</summary>
    public Task Done => _done.Task;

    public void OneDone()
    {
        if (Interlocked.Decrement(ref _open) == 0)
        {
            _done.TrySetResult();
        }
    }
}
