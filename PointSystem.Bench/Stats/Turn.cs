namespace PointSystem.Bench.Stats;

/// <summary>The measurements of one contender in one round.</summary>
internal sealed record Turn
{
    /// <summary>Requests answered in the measured time, with any status.</summary>
    public required long Requests { get; init; }

    /// <summary>All answers, including those to requests that the measured time ended: the counts of the system belong to these.</summary>
    public required long Answered { get; init; }

    /// <summary>Measured time in seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>Unsuccessful answers and broken connections.</summary>
    public required long Errors { get; init; }

    /// <summary>Number of errors by kind: <c>423</c>, <c>no answer</c> …</summary>
    public required IReadOnlyDictionary<string, long> ErrorKinds { get; init; }

    /// <summary>Accepted requests, including those outside the measured time: each must be in the ledger.</summary>
    public required long Accepted { get; init; }

    /// <summary>Mean latency in milliseconds; NaN if nothing was measured. The same unit holds for the percentiles and the maximum.</summary>
    public required double Mean { get; init; }

    public required double P50 { get; init; }

    public required double P95 { get; init; }

    public required double P99 { get; init; }

    public required double Max { get; init; }

    /// <summary>Transactions that locked or wrote rows in the meantime.</summary>
    public long Transactions { get; init; }

    /// <summary>Lock attempts in Redis in the meantime; null if unknown.</summary>
    public long? LockAttempts { get; init; }

    /// <summary>Lock releases in Redis in the meantime; null if unknown.</summary>
    public long? LockReleases { get; init; }

    /// <summary>Processor time by part of the system within the measured time, in seconds.</summary>
    public IReadOnlyDictionary<string, double> Cpu { get; init; } = new Dictionary<string, double>();

    /// <summary>Successful answers per second.</summary>
    public double PerSecond => (Requests - Errors) / Seconds;
}
