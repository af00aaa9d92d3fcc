using System.Diagnostics;

namespace PointSystem.Locking.Combining;

/// <summary>A command on its way, and the promise of its outcome. Continuations never run on the lane that completes it.</summary>
internal sealed class Waiter<TCommand, TOutcome> : TaskCompletionSource<TOutcome>
{
    private const int Open = 0;
    private const int Executing = 1;
    private const int Gone = 2;

    private int _state;

    public Waiter()
        : base(TaskCreationOptions.RunContinuationsAsynchronously) => Node = new LinkedListNode<Waiter<TCommand, TOutcome>>(this);

    public required TCommand Command { get; init; }

    public required KeyQueue<TCommand, TOutcome> Queue { get; init; }

    public required LockMode Mode { get; init; }

    public required TimeSpan Wait { get; init; }

    public required TimeSpan ArrivedAt { get; init; }

    public ActivityContext Trace { get; init; }

    public LinkedListNode<Waiter<TCommand, TOutcome>> Node { get; }

    /// <summary>Set when a leader has taken it out of the queue.</summary>
    public Group<TCommand, TOutcome>? Group { get; set; }

    /// <summary>When the wait runs out, on the executor's clock. A single attempt ends with the attempt, not with a timer.</summary>
    public TimeSpan Deadline => Wait > TimeSpan.Zero ? ArrivedAt + Wait : TimeSpan.MaxValue;

    /// <summary>What is left of the wait for a row lock.</summary>
    public TimeSpan Left(TimeSpan now) => ArrivedAt + Wait - now;

    /// <summary>From here on it is executed, whoever leaves. False when its caller has gone.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref _state, Executing, Open) != Gone;

    /// <summary>Its row was busy: it waits again, and its caller may leave again.</summary>
    public void Reopen() => Volatile.Write(ref _state, Open);

    /// <summary>Whether it has been part of a batch before.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Takes the command back. False when it is being executed already.</summary>
    public bool TryLeave() => Interlocked.CompareExchange(ref _state, Gone, Open) == Open;

    public void Expire() => TrySetException(new LockNotAcquiredException(Queue.Keys[0].Key, Wait));
}
