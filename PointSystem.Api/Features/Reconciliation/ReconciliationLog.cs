namespace PointSystem.Api.Features.Reconciliation;

internal static partial class ReconciliationLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Critical, Message = "The ledger of member {MemberId} is BROKEN: {Findings}")]
    public static partial void LedgerBroken(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(
        EventId = 2,
        Level = LogLevel.Warning,
        Message = "Derived figures of member {MemberId} were wrong and have been corrected: {Findings}")]
    public static partial void FiguresCorrected(this ILogger logger, long memberId, IReadOnlyList<string> findings);

    [LoggerMessage(
        EventId = 3,
        Level = LogLevel.Information,
        Message = "Reconciliation run {RunId}: {Members} members done, up to member {LastMemberId}")]
    public static partial void Progress(this ILogger logger, long runId, long members, long lastMemberId);

    [LoggerMessage(
        EventId = 4,
        Level = LogLevel.Warning,
        Message = "A reconciliation run could not be released; another replica continues it after one lease")]
    public static partial void RunnerNotCleared(this ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 5,
        Level = LogLevel.Warning,
        Message = "The reconciliation run was interrupted: its lock was lost or reached its maximum time")]
    public static partial void Interrupted(this ILogger logger);

    [LoggerMessage(
        EventId = 6,
        Level = LogLevel.Warning,
        Message = "Inspecting {Members} members from {MemberId} on failed; trying half as many")]
    public static partial void ChunkHalved(this ILogger logger, Exception exception, int members, long memberId);

    [LoggerMessage(
        EventId = 7,
        Level = LogLevel.Error,
        Message = "Member {MemberId} could not be reconciled; the run continues with the next one")]
    public static partial void MemberFailed(this ILogger logger, Exception exception, long memberId);

    [LoggerMessage(
        EventId = 8,
        Level = LogLevel.Warning,
        Message = "The reconciliation run failed; a replica continues it at its next look")]
    public static partial void RunFailed(this ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 9,
        Level = LogLevel.Information,
        Message = "Reconciliation run {RunId}: this replica works on it, starting after member {LastMemberId}")]
    public static partial void Claimed(this ILogger logger, long runId, long lastMemberId);
}
