namespace PointSystem.Api.Features.Locks;

/// <summary>The state of the locks on the answering replica.</summary>
/// <param name="Replica">The name of the replica, if it has one.</param>
/// <param name="Mode">The mode of operations that have no mode of their own: distributed, adaptive or row.</param>
/// <param name="Modes">The mode of each operation.</param>
/// <param name="CanaryPercent">Percentage of members to which the modes apply; the others are written in mode row.</param>
/// <param name="Breaker">The circuit breaker around the sidecar.</param>
/// <param name="Waiting">Commands waiting, for all keys.</param>
/// <param name="ActiveKeys">Keys with commands waiting or running.</param>
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

/// <summary>The circuit breaker around the sidecar.</summary>
/// <param name="State">closed: locks are acquired. open: the lock store is unavailable, and writes use the row lock only.</param>
/// <param name="Reason">Why it is open.</param>
internal sealed record BreakerResponse(string State, string? Reason);

/// <summary>A lock key and its queue.</summary>
/// <param name="Key">The lock key; for commands with several locks, their keys separated by " + ".</param>
/// <param name="Waiting">Commands in the queue.</param>
/// <param name="OldestWaitMs">Time that the first command in the queue has waited, in milliseconds.</param>
/// <param name="Executed">Commands executed since the key became active.</param>
/// <param name="AverageWaitMs">Average time from arrival to the start of the batch, in milliseconds.</param>
/// <param name="LongestWaitMs">Maximum of these times, in milliseconds.</param>
internal sealed record HotKeyResponse(string Key, int Waiting, double OldestWaitMs, long Executed, double AverageWaitMs, double LongestWaitMs);

/// <summary>Counts over the last minute.</summary>
/// <param name="Executed">Commands from the queue that ended with an outcome.</param>
/// <param name="RowOnly">Commands written in mode row.</param>
/// <param name="Failed">Commands whose batch failed.</param>
/// <param name="TimedOut">Commands answered with LOCK_NOT_ACQUIRED.</param>
/// <param name="Cancelled">Commands cancelled by their caller.</param>
/// <param name="Refused">Commands refused because a queue was full.</param>
/// <param name="Batches">Transactions.</param>
/// <param name="Turns">Turns: each acquires the lock, or runs without it, and executes batches.</param>
/// <param name="Fallbacks">Turns without a lease because the lock store was unavailable.</param>
/// <param name="Unlocked">Turns without a lock because the key was not contended.</param>
/// <param name="Queued">Turns without a lease because other replicas held the lock; their writes waited for the row.</param>
/// <param name="Bypasses">Turns without a lease because other replicas held the lock for too long.</param>
/// <param name="CommandsPerSecond">Executed plus RowOnly, per second.</param>
/// <param name="CommandsPerBatch">Executed divided by Batches; 0 if there were none.</param>
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
    long Queued,
    long Bypasses,
    double CommandsPerSecond,
    double CommandsPerBatch);
