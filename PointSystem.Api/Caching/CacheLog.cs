namespace PointSystem.Api.Caching;

internal static partial class CacheLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "The client of the balance cache could not be made; balances are read from the database")]
    public static partial void CacheNotMade(this ILogger logger, Exception exception);
}
