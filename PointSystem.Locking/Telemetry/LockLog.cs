using Microsoft.Extensions.Logging;

namespace PointSystem.Locking;

internal static partial class LockLog
{
    [LoggerMessage(1, LogLevel.Warning, "The lock store is unavailable ({Reason}): writes continue under the row lock alone until it responds")]
    public static partial void BreakerOpened(this ILogger logger, string reason);

    [LoggerMessage(2, LogLevel.Information, "The lock store responds again after {Away}: locks are in use")]
    public static partial void BreakerClosed(this ILogger logger, TimeSpan away);

    [LoggerMessage(3, LogLevel.Warning, "The lease of {Key} was lost ({Status}) after {Age}")]
    public static partial void LeaseLost(this ILogger logger, string key, string status, TimeSpan age);

    [LoggerMessage(4, LogLevel.Warning, "An attempt on {Key} got no answer ({Reason}): continuing under the row lock")]
    public static partial void FellBack(this ILogger logger, Exception? cause, string key, string reason);

    [LoggerMessage(5, LogLevel.Information, "A ghost hold on {Key} was removed")]
    public static partial void GhostRemoved(this ILogger logger, string key);

    [LoggerMessage(6, LogLevel.Warning, "The lock {Key} could not be released at once ({Reason}); the release is retried until its lease ends")]
    public static partial void ReleaseFailed(this ILogger logger, string key, string reason);

    [LoggerMessage(7, LogLevel.Warning, "The work under {Keys} was cancelled before its lease ended")]
    public static partial void LeaseEnded(this ILogger logger, string keys);

    [LoggerMessage(8, LogLevel.Error, "Background work for locks failed")]
    public static partial void BackgroundWorkFailed(this ILogger logger, Exception failure);

    [LoggerMessage(9, LogLevel.Information, "Locks: mode {Mode}, store {Store}; {State}")]
    public static partial void Started(this ILogger logger, LockMode mode, string store, string state);

    [LoggerMessage(10, LogLevel.Error, "A commit lane caught an exception that none of its commands caused: {Commands} commands failed, and the lane goes on")]
    public static partial void LaneFaulted(this ILogger logger, Exception mistake, int commands);

    [LoggerMessage(12, LogLevel.Warning, "The lock {Key} was not released within the patience: continuing under the row lock alone")]
    public static partial void Bypassed(this ILogger logger, string key);

    [LoggerMessage(11, LogLevel.Error, "A listener of the lock metrics failed; their counts are too low from now on (logged once)")]
    public static partial void MetricListenerFailed(this ILogger logger, Exception mistake);
}
