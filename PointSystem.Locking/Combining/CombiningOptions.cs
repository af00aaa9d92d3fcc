using System.ComponentModel.DataAnnotations;

namespace PointSystem.Locking;

/// <summary>Settings of the combining executor, section <c>Locking:Combining</c>.</summary>
public sealed class CombiningOptions
{
    /// <summary>
    /// Number of commit lanes of a replica: transactions that run side by side. Default: one per two processors, 1 … 4. More lanes make
    /// smaller batches; one is enough where processors are scarce.
    /// </summary>
    [Range(1, 64)]
    public int Lanes { get; set; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 4);

    /// <summary>
    /// Number of lanes for rows that other replicas work on too: their transactions wait for such rows, so that the others do not. Each
    /// uses a connection. 0 = none: a command waits for the lock, as long as it may, before it waits for the row. Default 1.
    /// </summary>
    [Range(0, 64)]
    public int QueueLanes { get; set; } = 1;

    /// <summary>Maximum number of commands per commit. Default 256.</summary>
    [Range(1, 10_000)]
    public int BatchMax { get; set; } = 256;

    /// <summary>Maximum number of keys per commit. Default 128.</summary>
    [Range(1, 10_000)]
    public int BatchKeysMax { get; set; } = 128;

    /// <summary>
    /// How long a leader keeps its lock while commands keep arriving; never more than a quarter of the lease. Default 100 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan HoldMax { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Maximum number of batches a leader executes under one lock. Default 256.</summary>
    [Range(1, 100_000)]
    public int HoldBatchesMax { get; set; } = 256;

    /// <summary>
    /// How long a leader that has just combined several commands waits for the next ones before it releases the lock, within <see
    /// cref="HoldMax"/>; 0 = not at all. Default 5 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan Linger { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Maximum wait of a lane, before a transaction, for the answers to lock requests that are already under way: their commands then share
    /// the transaction. 0 = no wait. Default 10 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan GatherMax { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Maximum wait for a row lock within a lane. A command that needs longer continues beside the lane, so that it does not delay the
    /// others. Default 100 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan LaneRowLockWait { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Maximum number of transactions that wait for a busy row beside the lanes; each uses a connection. Default 2.</summary>
    [Range(1, 64)]
    public int DetoursMax { get; set; } = 2;

    /// <summary>Maximum number of commands that wait for one key. Default 10,000.</summary>
    [Range(1, 1_000_000)]
    public int KeyQueueMax { get; set; } = 10_000;

    /// <summary>Maximum number of commands that wait, over all keys. Default 50,000.</summary>
    [Range(1, 10_000_000)]
    public int QueueMax { get; set; } = 50_000;

    /// <summary>
    /// How long a key counts as contended after the last sign of contention, in <see cref="LockMode.Adaptive"/>. Default 5 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "01:00:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan HotFor { get; set; } = TimeSpan.FromSeconds(5);
}
