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
}
