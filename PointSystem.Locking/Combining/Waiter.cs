using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>A queued command and the promise of its outcome. Continuations never run on the lane that completes it.</summary>
internal sealed class Waiter<TCommand, TOutcome> : TaskCompletionSource<TOutcome>
{
    private const int Open = 0;
    private const int Executing = 1;
    private const int Gone = 2;

    private int _state;
    private int _ended;

    public Waiter()
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => Node = new LinkedListNode<Waiter<TCommand, TOutcome>>(this);

    public required TCommand Command { get; init; }

    public required KeyQueue<TCommand, TOutcome> Queue { get; init; }

    public required LockMode Mode { get; init; }

    public required TimeSpan Wait { get; init; }

    public required TimeSpan ArrivedAt { get; init; }

    /// <summary>Cancelled when the caller cancels.</summary>
    public CancellationToken Caller { get; init; }

    public ActivityContext Trace { get; init; }

    public LinkedListNode<Waiter<TCommand, TOutcome>> Node { get; }

    /// <summary>Set when a leader has dequeued the command.</summary>
    public LeaderBatch<TCommand, TOutcome>? LeaderBatch { get; set; }

    /// <summary>When the wait runs out, on the executor's clock. A single attempt (no wait) has no deadline.</summary>
    public TimeSpan Deadline => Wait > TimeSpan.Zero ? ArrivedAt + Wait : TimeSpan.MaxValue;

    /// <summary>The remaining wait, for a row lock.</summary>
    public TimeSpan RemainingWait(TimeSpan now) => ArrivedAt + Wait - now;

    /// <summary>
    /// Marks the command as executing: from here on it is executed even if its caller cancels. False when the caller has already
    /// cancelled.
    /// </summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Executing, Open) != Gone;

    /// <summary>Marks the command as waiting again after its row was busy; its caller may cancel again.</summary>
    public void Reopen() => Interlocked.Exchange(ref _state, Open);

    /// <summary>Whether the command was cancelled and will never be executed.</summary>
    public bool HasLeft => Volatile.Read(ref _state) == Gone;

    /// <summary>Whether the command has already been part of a batch.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Cancels the command. False when it is already being executed.</summary>
    public bool TryLeave() => Interlocked.CompareExchange(ref _state, Gone, Open) == Open;

    /// <summary>Reports to its batch that this command has ended. Further calls do nothing.</summary>
    /// <param name="continueHere">If it is the last one of its batch, the leader continues within this call.</param>
    public void End(bool continueHere = false)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            LeaderBatch?.CommandEnded(continueHere);
        }
    }

    public void Expire() => TrySetException(new LockNotAcquiredException(Queue.Keys[0].Key, Wait));
}
