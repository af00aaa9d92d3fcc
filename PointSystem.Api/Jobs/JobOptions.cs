using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;

namespace PointSystem.Api.Jobs;

/// <summary>How background jobs look for work and share it; section <c>Jobs</c>.</summary>
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

    /// <summary>How long the other replicas wait for a runner that died, in whole seconds. 1 s … 5 min; default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// After how long a run is cut; the next one goes on there. Not shorter than the lease, at most 1 day; default 1 hour.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan Cap { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How long jobs rest while the lock service is away, before they go on under a lock of the database. 0 … 1 day; default 3 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan RestFor { get; set; } = TimeSpan.FromMinutes(3);

    internal JobLockOptions Lock => new() { Lease = Lease, Cap = Cap };
}

/// <summary>Checks at start that the jobs' lock can work under the settings of all locks.</summary>
internal sealed class JobOptionsValidator(IOptions<LockingOptions> locking) : IValidateOptions<JobOptions>
{
    public ValidateOptionsResult Validate(string? name, JobOptions options) => options.Lock.FindProblem(locking.Value) is { } problem
        ? ValidateOptionsResult.Fail($"Jobs: the lock of jobs is not usable: {problem}.")
        : ValidateOptionsResult.Success;
}
