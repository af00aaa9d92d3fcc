namespace PointSystem.Locking;

/// <summary>What a replica's combining executor is doing at this moment.</summary>
/// <param name="Waiting">Commands that wait, over all keys.</param>
/// <param name="ActiveKeys">Keys, or sets of keys, with a leader.</param>
/// <param name="HotKeys">Keys that count as hot in the adaptive mode.</param>
/// <param name="Hottest">The keys with the longest queues, longest first.</param>
/// <param name="LastMinute">Counts over the last minute.</param>
public sealed record CombiningSnapshot(int Waiting, int ActiveKeys, int HotKeys, IReadOnlyList<KeySnapshot> Hottest, CombiningRates LastMinute);

/// <summary>One key's queue. The figures start from zero after the key has been idle.</summary>
/// <param name="Keys">The key; several for a command with several locks.</param>
/// <param name="Waiting">Commands in the queue.</param>
/// <param name="OldestWait">How long the first of them has waited.</param>
/// <param name="Executed">Commands executed since the key became active.</param>
/// <param name="AverageWait">From arrival to the begin of their batch.</param>
/// <param name="LongestWait">The longest of those waits.</param>
public sealed record KeySnapshot(
    IReadOnlyList<string> Keys, int Waiting, TimeSpan OldestWait, long Executed, TimeSpan AverageWait, TimeSpan LongestWait);

/// <summary>Counts over the last minute.</summary>
/// <param name="Executed">Commands with an outcome, through the queue.</param>
/// <param name="RowOnly">Commands executed in mode <see cref="LockMode.Row"/>.</param>
/// <param name="Failed">Commands whose batch failed.</param>
/// <param name="TimedOut">Commands whose wait ran out.</param>
/// <param name="Cancelled">Commands whose caller left before they were executed.</param>
/// <param name="Refused">Commands refused because a queue was full.</param>
/// <param name="Batches">Transactions.</param>
/// <param name="Turns">Leaders' turns.</param>
/// <param name="Fallbacks">Turns without a lease, because the lock service was away.</param>
/// <param name="Unlocked">Turns without a lock, because their key was cold.</param>
/// <param name="Bypasses">Turns without a lease, because others kept the lock for too long.</param>
public sealed record CombiningRates(
    long Executed, long RowOnly, long Failed, long TimedOut, long Cancelled, long Refused, long Batches, long Turns, long Fallbacks, long Unlocked, long Bypasses);

/// <summary>An executor as the monitor and the end of the process see it.</summary>
internal interface ICombiner
{
    int Waiting { get; }

    CombiningSnapshot Snapshot(int keysMax);

    /// <summary>Completes when nothing is queued or executed any more.</summary>
    Task DrainAsync(CancellationToken cancellationToken);
}
