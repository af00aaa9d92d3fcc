namespace PointSystem.Api.Features.Locks;

/// <summary>What the locks of the answering replica do.</summary>
/// <param name="Replica">Its name, if it has one.</param>
/// <param name="Mode">The mode in force where an operation has none of its own: distributed, adaptive or row.</param>
/// <param name="Modes">The mode in force for each operation.</param>
/// <param name="CanaryPercent">Percentage of members to whom the mode applies; the others are written in mode row.</param>
/// <param name="Breaker">The circuit breaker around the sidecar.</param>
/// <param name="Waiting">Commands that wait, over all keys.</param>
/// <param name="ActiveKeys">Keys at work.</param>
/// <param name="HotKeys">Keys that count as hot in mode adaptive.</param>
/// <param name="HottestKeys">The keys with the longest queues, longest first; at most 20.</param>
/// <param name="LastMinute">Counts over the last minute.</param>
internal sealed record LocksResponse(
    string? Replica,
    string Mode,
    OperationModes Modes,
    int CanaryPercent,
    BreakerResponse Breaker,
    int Waiting,
    int ActiveKeys,
    int HotKeys,
    IReadOnlyList<HotKeyResponse> HottestKeys,
    LockRatesResponse LastMinute);

/// <summary>The mode of each operation.</summary>
internal sealed record OperationModes(string Use, string Accumulate, string Cancel, string Transfer);

/// <summary>The breaker.</summary>
/// <param name="State">closed: locks are taken. open: the lock service is away, writes go on under the row lock alone.</param>
/// <param name="Reason">Why it is open.</param>
internal sealed record BreakerResponse(string State, string? Reason);

/// <summary>A key and its queue.</summary>
/// <param name="Key">The lock's key; several, with " + " between, for a command with several locks.</param>
/// <param name="Waiting">Commands in the queue.</param>
/// <param name="OldestWaitMs">How long the first of them has waited, in milliseconds.</param>
/// <param name="Executed">Commands executed since the key became active.</param>
/// <param name="AverageWaitMs">From arrival to the begin of the batch, in milliseconds.</param>
/// <param name="LongestWaitMs">The longest of those, in milliseconds.</param>
internal sealed record HotKeyResponse(string Key, int Waiting, double OldestWaitMs, long Executed, double AverageWaitMs, double LongestWaitMs);

/// <summary>Counts over the last minute.</summary>
/// <param name="Executed">Commands with an outcome, through the queue.</param>
/// <param name="RowOnly">Commands written in mode row.</param>
/// <param name="Failed">Commands whose batch failed.</param>
/// <param name="TimedOut">Commands answered with LOCK_NOT_ACQUIRED.</param>
/// <param name="Cancelled">Commands whose caller left first.</param>
/// <param name="Refused">Commands refused because a queue was full.</param>
/// <param name="Batches">Transactions.</param>
/// <param name="Turns">Times that a lock was taken, or done without.</param>
/// <param name="Fallbacks">Of those, without a lease because the lock service was away.</param>
/// <param name="Unlocked">Of those, without a lock because the key was cold.</param>
/// <param name="Bypasses">Of those, without a lease because others kept the lock for too long.</param>
/// <param name="CommandsPerSecond">Executed and RowOnly, per second.</param>
/// <param name="CommandsPerBatch">Executed by Batches; 0 without any.</param>
internal sealed record LockRatesResponse(
    long Executed,
    long RowOnly,
    long Failed,
    long TimedOut,
    long Cancelled,
    long Refused,
    long Batches,
    long Turns,
    long Fallbacks,
    long Unlocked,
    long Bypasses,
    double CommandsPerSecond,
    double CommandsPerBatch);
