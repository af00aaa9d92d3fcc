namespace PointSystem.Api.Features.Events;

internal static partial class EventLog
{
    [LoggerMessage(EventId = 4001, Level = LogLevel.Warning, Message = "New events could not be looked for; trying again")]
    public static partial void NotRead(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 4002, Level = LogLevel.Warning, Message = "An event stream could not read its next events; trying again")]
    public static partial void StreamNotRead(this ILogger logger, Exception exception);
}
