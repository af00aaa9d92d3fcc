namespace PointSystem.Api.Jobs;

internal static partial class JobLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "The job {Job} failed; the next round tries again")]
    public static partial void JobFailed(this ILogger logger, Exception exception, string job);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Posted the expired points of {Members} members")]
    public static partial void ExpirationsPosted(this ILogger logger, int members);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Deleted {Keys} idempotency keys older than 24 h")]
    public static partial void IdempotencyKeysDeleted(this ILogger logger, int keys);

    [LoggerMessage(
        EventId = 4,
        Level = LogLevel.Warning,
        Message = "Posting the expired points of {Members} members together failed; trying each member separately")]
    public static partial void ChunkSplit(this ILogger logger, Exception exception, int members);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "The expired points of member {MemberId} could not be posted")]
    public static partial void ExpirationsNotPosted(this ILogger logger, Exception exception, long memberId);

    [LoggerMessage(
        EventId = 6,
        Level = LogLevel.Warning,
        Message = "The job {Job} was interrupted: its lock was lost or reached its maximum time. The next round continues it")]
    public static partial void JobInterrupted(this ILogger logger, string job);

    [LoggerMessage(
        EventId = 7,
        Level = LogLevel.Information,
        Message = "The job {Job} is paused: the lock store is unavailable ({Reason})")]
    public static partial void JobPaused(this ILogger logger, string job, string reason);

    [LoggerMessage(
        EventId = 8,
        Level = LogLevel.Warning,
        Message = "The job {Job} continues under an advisory lock of the database: the lock store is unavailable ({Reason})")]
    public static partial void JobContinues(this ILogger logger, string job, string reason);
}
