using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>A command on its way, and the promise of its outcome. Continuations never run on the lane that completes it.</summary>
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

    /// <summary>Cancelled when the caller has gone.</summary>
    public CancellationToken Caller { get; init; }

    public ActivityContext Trace { get; init; }

    public LinkedListNode<Waiter<TCommand, TOutcome>> Node { get; }

    /// <summary>Set when a leader has taken it out of the queue.</summary>
    public LeaderBatch<TCommand, TOutcome>? LeaderBatch { get; set; }

    /// <summary>When the wait runs out, on the executor's clock. A single attempt ends with the attempt, not with a timer.</summary>
    public TimeSpan Deadline => Wait > TimeSpan.Zero ? ArrivedAt + Wait : TimeSpan.MaxValue;

    /// <summary>What is left of the wait for a row lock.</summary>
    public TimeSpan RemainingWait(TimeSpan now) => ArrivedAt + Wait - now;

    /// <summary>From here on it is executed, even if its caller leaves. False when the caller has left already.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Executing, Open) != Gone;

    /// <summary>Its row was busy: it waits again, and its caller may leave again.</summary>
    public void Reopen() => Interlocked.Exchange(ref _state, Open);

    /// <summary>Whether it was taken back, so that it will never be executed.</summary>
    public bool HasLeft => Volatile.Read(ref _state) == Gone;

    /// <summary>Whether it has been part of a batch before.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Takes the command back. False when it is being executed already.</summary>
    public bool TryLeave() => Interlocked.CompareExchange(ref _state, Gone, Open) == Open;

    /// <summary>Tells its leaderBatch that it has its end. Further calls do nothing.</summary>
    /// <param name="continueHere">If it is the last one of its leaderBatch, the leader goes on within this call.</param>
    public void End(bool continueHere = false)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            LeaderBatch?.CommandEnded(continueHere);
        }
    }

    public void Expire() => TrySetException(new LockNotAcquiredException(Queue.Keys[0].Key, Wait));
}
