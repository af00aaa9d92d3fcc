namespace PointSystem.Api.Features.Events.Sinks;

internal static partial class SinkLog
{
    [LoggerMessage(EventId = 4201, Level = LogLevel.Warning, Message = "Events are not published to {Sink}; trying again")]
    public static partial void NotPublished(this ILogger logger, Exception exception, string sink);

    [LoggerMessage(EventId = 4202, Level = LogLevel.Information, Message = "Events are published to {Sink} again")]
    public static partial void PublishedAgain(this ILogger logger, string sink);

    [LoggerMessage(EventId = 4203, Level = LogLevel.Error, Message = "Events are not published to {Sink} until this process is restarted: {Reason}")]
    public static partial void Unsupported(this ILogger logger, string sink, string reason);

    [LoggerMessage(EventId = 4204, Level = LogLevel.Error, Message = "The cursor of {Sink} is ahead of the events of this database, which may have been "
        + "restored from a backup: delete its row from event_sinks to publish all events again")]
    public static partial void IsAhead(this ILogger logger, string sink);

    [LoggerMessage(EventId = 4205, Level = LogLevel.Warning, Message = "The publishing of events is interrupted; trying again")]
    public static partial void Interrupted(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 4206, Level = LogLevel.Debug, Message = "Kafka: {Line}")]
    public static partial void Said(this ILogger logger, string line);

    [LoggerMessage(EventId = 4207, Level = LogLevel.Warning, Message = "Kafka: {Reason}")]
    public static partial void Failed(this ILogger logger, string reason);
}
