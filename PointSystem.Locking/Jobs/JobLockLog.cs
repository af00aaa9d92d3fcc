using Microsoft.Extensions.Logging;

namespace PointSystem.Locking.Jobs;

internal static partial class JobLockLog
{
    [LoggerMessage(21, LogLevel.Warning, "The job lock {Key} was lost ({Status}) after {Age}; its work is cancelled")]
    public static partial void JobLockLost(this ILogger logger, string key, string status, TimeSpan age);

    [LoggerMessage(22, LogLevel.Warning, "The job lock {Key} has reached its maximum hold time ({Age}); its work is cancelled")]
    public static partial void JobLockCapped(this ILogger logger, string key, TimeSpan age);

    [LoggerMessage(23, LogLevel.Error, "Renewing the job lock {Key} failed; its work is cancelled")]
    public static partial void RenewalFailed(this ILogger logger, Exception failure, string key);
}
