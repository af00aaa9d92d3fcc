namespace PointSystem.Api.Features.Reconciliation;

internal static partial class ReconciliationLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Critical, Message = "The books of member {MemberId} are BROKEN: {Findings}")]
    public static partial void LedgerBroken(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Derived figures of member {MemberId} were wrong and have been put right: {Findings}")]
    public static partial void FiguresCorrected(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Reconciliation run {RunId}: {Members} members done, up to member {LastMemberId}")]
    public static partial void Progress(this ILogger logger, long runId, long members, long lastMemberId);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "A reconciliation run could not be released; another replica takes it up after one lease")]
    public static partial void RunnerNotCleared(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 5, Level = LogLevel.Warning, Message = "The reconciliation run was interrupted: its lock was lost or held for its longest time")]
    public static partial void Interrupted(this ILogger logger);

    [LoggerMessage(EventId = 6, Level = LogLevel.Warning, Message = "Looking at {Members} members from {MemberId} on failed; trying half as many")]
    public static partial void ChunkHalved(this ILogger logger, Exception exception, int members, long memberId);

    [LoggerMessage(EventId = 7, Level = LogLevel.Error, Message = "Member {MemberId} could not be reconciled; the run goes on with the next one")]
    public static partial void MemberFailed(this ILogger logger, Exception exception, long memberId);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "The reconciliation run failed; a replica goes on with it at the next look")]
    public static partial void RunFailed(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 9, Level = LogLevel.Information, Message = "Reconciliation run {RunId}: this replica works on it, from member {LastMemberId} on")]
    public static partial void Claimed(this ILogger logger, long runId, long lastMemberId);
}
