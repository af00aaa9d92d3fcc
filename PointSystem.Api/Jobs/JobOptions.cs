using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Jobs;

/// <summary>How often background jobs look for work; section <c>Jobs</c>.</summary>
internal sealed class JobOptions
{
    public const string SectionName = "Jobs";

    /// <summary>Pause between two looks for lapsed points. Balances never depend on it. 1 s … 1 day; default 1 minute.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan ExpiryInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Pause between two clean-ups of outlived idempotency keys. 1 s … 1 day; default 1 hour.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdempotencyCleanupInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Members whose lapses are posted in one transaction, 1 … 1,000; default 100.</summary>
    [Range(1, 1_000)]
    public int ExpiryChunk { get; set; } = 100;
}
