namespace PointSystem.Api.Features.Reconciliation;

internal static partial class ReconciliationLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Critical, Message = "The books of member {MemberId} are BROKEN: {Findings}")]
    public static partial void LedgerBroken(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Derived figures of member {MemberId} were wrong and have been put right: {Findings}")]
    public static partial void FiguresCorrected(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Reconciliation run {RunId}: {Members} members done, up to member {LastMemberId}")]
    public static partial void Progress(this ILogger logger, long runId, long members, long lastMemberId);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "A reconciliation run could not be left; it can be resumed when its runner counts as dead")]
    public static partial void RunnerNotCleared(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "The reconciliation run was cut: its lock was lost or held for its longest time. The next request goes on there")]
    public static partial void Interrupted(this ILogger logger);
}
