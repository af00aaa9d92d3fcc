using PointSystem.Locking.Keys;

namespace PointSystem.Locking.Combining;

/// <summary>The commands that wait for one key, or for one set of keys. Guarded by the executor's lock; gone when idle.</summary>
internal sealed class KeyQueue<TCommand, TOutcome>(string name, IReadOnlyList<KeyedLock> keys, long affinity, TimeSpan returnWindow)
{
    public string Name { get; } = name;

    /// <summary>The locks in the order in which they are taken.</summary>
    public IReadOnlyList<KeyedLock> Keys { get; } = keys;

    public long Affinity { get; } = affinity;

    public LinkedList<Waiter<TCommand, TOutcome>> Waiting { get; } = new();

    /// <summary>What its leader has handed to a lane last. Their waits run out there too.</summary>
    public LeaderBatch<TCommand, TOutcome>? HandedOver { get; set; }

    /// <summary>Fires at the earliest deadline.</summary>
    public ITimer? Timer { get; set; }

    public TimeSpan TimerAt { get; set; } = TimeSpan.MaxValue;

    /// <summary>Ends the leader's asking for locks when every caller has left.</summary>
    public CancellationTokenSource? Acquiring { get; set; }

    /// <summary>Whether it pays to wait for callers to come back.</summary>
    public CallerReturnRate ReturnRate { get; } = new(returnWindow);

    /// <summary>Set by a leader that lingers for the next command.</summary>
    public TaskCompletionSource? Arrival { get; set; }

    public long Executed { get; set; }

    public TimeSpan WaitedInAll { get; set; }

    public TimeSpan LongestWait { get; set; }
}
