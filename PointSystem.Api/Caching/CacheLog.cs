namespace PointSystem.Api.Caching;

internal static partial class CacheLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "The client of the balance cache could not be made; balances are read from the database")]
    public static partial void CacheNotMade(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "A committed balance could not be put into the cache")]
    public static partial void CacheNotUpdated(this ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 3,
        Level = LogLevel.Warning,
        Message = "The balance cache does not answer ({Reason}): balances are read from the database until it does")]
    public static partial void CacheAway(this ILogger logger, string reason);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "The balance cache answers again")]
    public static partial void CacheBack(this ILogger logger);
}
