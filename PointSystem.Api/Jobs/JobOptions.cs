using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;

namespace PointSystem.Api.Jobs;

/// <summary>Options of the background jobs; section <c>Jobs</c>.</summary>
internal sealed class JobOptions
{
    public const string SectionName = "Jobs";

    /// <summary>Time between two looks for expired points. Balances never depend on it. 1 s … 1 day; default 1 minute.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan ExpiryInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Time between two deletions of old idempotency keys. 1 s … 1 day; default 1 hour.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan IdempotencyCleanupInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Time between two looks for members that need a checkpoint of their balance. 1 s … 1 day; default 1 hour.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Maximum number of members whose expired points are posted in one transaction, 1 … 1,000; default 100.</summary>
    [Range(1, 1_000)]
    public int ExpiryChunk { get; set; } = 100;

    /// <summary>
    /// How many days before points expire their member gets notice: each 0 (on the last day) … 365. Default: 30, 7 and 1.
    /// </summary>
    public IList<int> NoticeDays { get; } = [];

    /// <summary>How long other replicas wait for a runner that has failed, in whole seconds. 1 s … 5 min; default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Maximum time of a run; the next run continues. At least the lease, at most 1 day; default 1 hour.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan Cap { get; set; } = TimeSpan.FromHours(1);

    /// <summary>
    /// How long jobs are paused while the lock store is unavailable, before they continue under an advisory lock of the database. 0 … 1
    /// day; default 3 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan RestFor { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary><see cref="NoticeDays"/>, or its default.</summary>
    internal IReadOnlyList<int> DaysOfNotices => NoticeDays.Count > 0 ? [.. NoticeDays] : DefaultNoticeDays;

    private static readonly int[] DefaultNoticeDays = [30, 7, 1];

    internal JobLockOptions Lock => new() { Lease = Lease, Cap = Cap };
}

/// <summary>Checks at start that the lock settings of jobs are consistent with those of all locks.</summary>
internal sealed class JobOptionsValidator(IOptions<LockingOptions> locking) : IValidateOptions<JobOptions>
{
    private const int NoticeDaysMax = 365;

    public ValidateOptionsResult Validate(string? name, JobOptions options) =>
        options.NoticeDays.Any(days => days is < 0 or > NoticeDaysMax) || options.NoticeDays.Distinct().Count() < options.NoticeDays.Count
            ? ValidateOptionsResult.Fail($"Jobs:NoticeDays: each must be from 0 to {NoticeDaysMax}, and none may be there twice.")
        : options.Lock.FindProblem(locking.Value) is { } problem
        ? ValidateOptionsResult.Fail($"Jobs: the lock settings are not valid: {problem}.")
        : ValidateOptionsResult.Success;
}
