using PointSystem.Locking.Keys;

namespace PointSystem.Locking.Combining;

/// <summary>The commands that wait for one key, or for one set of keys. Guarded by the executor's lock; removed when idle.</summary>
internal sealed class KeyQueue<TCommand, TOutcome>(string name, IReadOnlyList<KeyedLock> keys, long affinity)
{
    public string Name { get; } = name;

    /// <summary>The locks in the order in which they are acquired.</summary>
    public IReadOnlyList<KeyedLock> Keys { get; } = keys;

    public long Affinity { get; } = affinity;

    public LinkedList<Waiter<TCommand, TOutcome>> Waiting { get; } = new();

    /// <summary>The last batch that the leader handed to a lane. Waits run out there too.</summary>
    public LeaderBatch<TCommand, TOutcome>? HandedOver { get; set; }

    /// <summary>Fires at the earliest deadline.</summary>
    public ITimer? Timer { get; set; }

    public TimeSpan TimerAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>Cancels the leader's lock acquisition when every caller has cancelled.</summary>
    public CancellationTokenSource? Acquiring { get; set; }

    /// <summary>Set by a leader that waits for the next command.</summary>
    public TaskCompletionSource? Arrival { get; set; }

    public long Executed { get; set; }

    public TimeSpan WaitedInAll { get; set; }

    public TimeSpan LongestWait { get; set; }
}
