namespace PointSystem.Api.Ledger;

internal static partial class LedgerLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "A pooled connection had died; trying once more on another")]
    public static partial void StaleConnection(this ILogger logger, Exception exception);
}
