namespace PointSystem.Api.Features.Webhooks;

internal static partial class WebhookLog
{
    [LoggerMessage(EventId = 4101, Level = LogLevel.Warning, Message = "Webhook {Endpoint}: event {Event} was not delivered in attempt {Attempt}: {Error}")]
    public static partial void NotDelivered(this ILogger logger, string endpoint, string @event, int attempt, string error);

    [LoggerMessage(EventId = 4102, Level = LogLevel.Error, Message = "Webhook {Endpoint}: event {Event} is a dead letter after {Attempt} attempts: {Error}")]
    public static partial void DeadLetter(this ILogger logger, string endpoint, string @event, int attempt, string error);

    [LoggerMessage(EventId = 4103, Level = LogLevel.Warning, Message = "Webhook {Endpoint} is disabled: {Reason}")]
    public static partial void Disabled(this ILogger logger, string endpoint, string reason);

    [LoggerMessage(EventId = 4104, Level = LogLevel.Warning, Message = "Webhooks are interrupted; trying again")]
    public static partial void Interrupted(this ILogger logger, Exception exception);
}
