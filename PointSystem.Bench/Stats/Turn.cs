namespace PointSystem.Bench.Stats;

/// <summary>What one contender did in one round.</summary>
internal sealed record Turn
{
    /// <summary>Requests that were answered, whatever the answer, in the measured time.</summary>
    public required long Requests { get; init; }

    /// <summary>Measured time in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Answers that were not what was wanted, and broken connections.</summary>
    public required long Errors { get; init; }

    /// <summary>How often each kind of them came: <c>423</c>, <c>no answer</c> …</summary>
    public required IReadOnlyDictionary<string, long> ErrorKinds { get; init; }

    /// <summary>Accepted requests, those outside the measured time too: each must be in the books.</summary>
    public required long Accepted { get; init; }

    /// <summary>Latencies in milliseconds. NaN where nothing was measured.</summary>
    public required double Mean { get; init; }

    public required double P50 { get; init; }

    public required double P95 { get; init; }

    public required double P99 { get; init; }

    public required double Max { get; init; }

    /// <summary>Transactions that locked or wrote rows meanwhile.</summary>
    public long Transactions { get; init; }

    /// <summary>How often Redis was asked for a lock meanwhile; null where that is not known.</summary>
    public long? LockAttempts { get; init; }

    /// <summary>Processor time by part of the system, in seconds.</summary>
    public IReadOnlyDictionary<string, double> Cpu { get; init; } = new Dictionary<string, double>();

    /// <summary>Good answers per second.</summary>
    public double PerSecond => (Requests - Errors) / Seconds;
}
