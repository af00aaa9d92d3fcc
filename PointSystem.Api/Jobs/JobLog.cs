namespace PointSystem.Api.Jobs;

internal static partial class JobLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "The job {Job} failed; it is tried again at the next round")]
    public static partial void JobFailed(this ILogger logger, Exception exception, string job);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Posted the lapsed points of {Members} members")]
    public static partial void LapsesPosted(this ILogger logger, int members);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Deleted {Keys} idempotency keys older than 24 h")]
    public static partial void IdempotencyKeysDeleted(this ILogger logger, int keys);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "Posting the lapses of {Members} members together failed; trying each alone")]
    public static partial void ChunkSplit(this ILogger logger, Exception exception, int members);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "The lapses of member {MemberId} could not be posted")]
    public static partial void LapsesNotPosted(this ILogger logger, Exception exception, long memberId);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning, Message = "The job {Job} was cut: its lock was lost or held for its longest time. The next round goes on there")]
    public static partial void JobInterrupted(this ILogger logger, string job);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "The job {Job} rests: the lock service is away ({Reason})")]
    public static partial void JobRests(this ILogger logger, string job, string reason);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "The job {Job} goes on under a lock of the database: the lock service is away ({Reason})")]
    public static partial void JobGoesOn(this ILogger logger, string job, string reason);
}
