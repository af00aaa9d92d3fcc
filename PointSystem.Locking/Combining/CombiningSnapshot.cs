namespace PointSystem.Locking;

/// <summary>The current state of a replica's combining executor.</summary>
/// <param name="Waiting">Waiting commands, over all keys.</param>
/// <param name="ActiveKeys">Keys, or sets of keys, with a leader.</param>
/// <param name="HotKeys">Keys that count as contended in the adaptive mode.</param>
/// <param name="Hottest">The keys with the longest queues, longest first.</param>
/// <param name="LastMinute">Counts over the last minute.</param>
public sealed record CombiningSnapshot(int Waiting, int ActiveKeys, int HotKeys, IReadOnlyList<KeySnapshot> Hottest, CombiningRates LastMinute);

/// <summary>One key's queue. The figures start from zero after the key has been idle.</summary>
/// <param name="Keys">The key; several for a command with several locks.</param>
/// <param name="Waiting">Commands in the queue.</param>
/// <param name="OldestWait">How long the first command in the queue has waited.</param>
/// <param name="Executed">Commands executed since the key became active.</param>
/// <param name="AverageWait">Average time from arrival to the start of the batch.</param>
/// <param name="LongestWait">The longest time from arrival to the start of the batch.</param>
public sealed record KeySnapshot(
    IReadOnlyList<string> Keys, int Waiting, TimeSpan OldestWait, long Executed, TimeSpan AverageWait, TimeSpan LongestWait);

/// <summary>Counts over the last minute.</summary>
/// <param name="Executed">Queued commands that have got an outcome.</param>
/// <param name="RowOnly">Commands executed in mode <see cref="LockMode.Row"/>.</param>
/// <param name="Failed">Commands whose batch failed.</param>
/// <param name="TimedOut">Commands whose wait ran out.</param>
/// <param name="Cancelled">Commands whose caller cancelled before they were executed.</param>
/// <param name="Refused">Commands refused because a queue was full.</param>
/// <param name="Batches">Transactions.</param>
/// <param name="Turns">Leaders' turns.</param>
/// <param name="Fallbacks">Turns without a lease because the lock store was unavailable.</param>
/// <param name="Unlocked">Turns without a lock because their key was not contended.</param>
/// <param name="Queued">Turns without a lease because others held the lock: their commands waited for the row in the database.</param>
/// <param name="Bypasses">Turns without a lease because others kept the lock for longer than <see cref="LockingOptions.Patience"/>.</param>
public sealed record CombiningRates(
    long Executed, long RowOnly, long Failed, long TimedOut, long Cancelled, long Refused, long Batches, long Turns, long Fallbacks,
    long Unlocked, long Queued, long Bypasses);

/// <summary>The executor as the lock monitor and the shutdown see it.</summary>
internal interface ICombiner
{
    int Waiting { get; }

    CombiningSnapshot Snapshot(int keysMax);

    /// <summary>Completes when no command is queued or running any more.</summary>
    Task DrainAsync(CancellationToken cancellationToken);
}
