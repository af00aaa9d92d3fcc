using System.ComponentModel.DataAnnotations;

namespace PointSystem.Locking;

/// <summary>Settings of the locks, section <c>Locking</c>. Checked when the host starts.</summary>
public sealed class LockingOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Locking";

    /// <summary>Name of Dapr's lock component. Default <c>lockstore</c>.</summary>
    [Required]
    public string StoreName { get; set; } = "lockstore";

    /// <summary>
    /// Names this process in the owner tokens that the lock store keeps. Default: the setting <c>Replica:Name</c>, otherwise machine and process.
    /// </summary>
    [Required]
    public string Holder { get; set; } = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>
    /// The mode that applies where no <see cref="ILockModeSource"/> overrides it. Default <see cref="LockMode.Distributed"/>.
    /// </summary>
    [EnumDataType(typeof(LockMode))]
    public LockMode Mode { get; set; } = LockMode.Distributed;

    /// <summary>Timeout of one call to the sidecar; after it the caller continues without a lease. Default 150 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:00:05", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <summary>
    /// Timeout of the first calls of a process; they are made while the host starts, off any request's path. Default 3 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan WarmUpTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Shortest pause between two attempts on a contended key. Default 2 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:10", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan PollMin { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>
    /// Longest pause between two attempts on a contended key: when many keys are polled, and when the holder seems to be gone. Default 50
    /// ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:10", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan PollMax { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// After passing a contended key from one local caller to the next for this long, a replica pauses once so that other replicas get
    /// their turn. The pause is five times <see cref="PollMin"/> up to <see cref="PollMax"/>, depending on how many keys it polls. Ten
    /// times as long if it has met no other replica at the key. Default 50 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan HandOverAfter { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// How long before the end of its lease work is cancelled, so that its rollback falls within the lease. Default 500 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan LeaseMargin { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long a command's lock is kept after it was acquired, so that further commands with the same key need no call to the store; at
    /// most a quarter of the lease; 0 = not at all. Not for keys that other replicas want too, nor where a command without the lock is
    /// refused. Default 2 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the shutdown waits for locks to be released. Default 3 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long a command waits for the distributed lock before it goes on under the row lock alone, unless <see cref="OnLockTimeout"/> says
    /// otherwise; at most half of the command's wait, so that some of it is left for the row. Default 1 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// What a command does that does not get the distributed lock; <c>Locking:Operations:{operation}:OnLockTimeout</c> sets it for one
    /// operation. Locks taken from code always refuse: nothing else may protect their work. Default <see cref="LockTimeoutAction.Bypass"/>.
    /// </summary>
    [EnumDataType(typeof(LockTimeoutAction))]
    public LockTimeoutAction OnLockTimeout { get; set; } = LockTimeoutAction.Bypass;

    /// <summary>The circuit breaker around the sidecar.</summary>
    [Required]
    public LockBreakerOptions Breaker { get; set; } = new();

    /// <summary>Queues, batches and commit lanes.</summary>
    [Required]
    public CombiningOptions Combining { get; set; } = new();
}

/// <summary>What happens before the row lock is taken.</summary>
public enum LockMode
{
    /// <summary>Queue in memory, then the Dapr lock, then a batch under the row lock.</summary>
    Distributed,

    /// <summary>Like <see cref="Distributed"/>, but a key without recent contention skips the Dapr lock.</summary>
    Adaptive,

    /// <summary>The row lock only: one transaction per command, no queue, no combining.</summary>
    Row,
}

/// <summary>What a command does that others keep from the distributed lock.</summary>
public enum LockTimeoutAction
{
    /// <summary>After <see cref="LockingOptions.Patience"/> it goes on under the row lock alone. A wait of 0 is refused all the same.</summary>
    Bypass,

    /// <summary>It waits as long as its wait allows, and is then refused.</summary>
    Refuse,
}

/// <summary>Settings of the circuit breaker, section <c>Locking:Breaker</c>.</summary>
public sealed class LockBreakerOptions
{
    /// <summary>Share of failed calls in the sampling window that opens the breaker. Default 0.3.</summary>
    [Range(0.01, 1.0)]
    public double FailureRatio { get; set; } = 0.3;

    /// <summary>Minimum number of calls in the window for the share to count. Default 5. (With fewer calls a probe decides.)</summary>
    [Range(2, 10_000)]
    public int MinimumThroughput { get; set; } = 5;

    /// <summary>The sampling window. Short, so that older successes do not hide current failures. Default 500 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan SamplingDuration { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Pause between two background probes while the breaker is open. Default 500 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00", ParseLimitsInInvariantCulture = true, ConvertValueInInvariantCulture = true)]
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromMilliseconds(500);
}
