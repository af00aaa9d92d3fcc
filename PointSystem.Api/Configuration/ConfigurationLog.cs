namespace PointSystem.Api.Configuration;

internal static partial class ConfigurationLog
{
    [LoggerMessage(
        EventId = 1101,
        Level = LogLevel.Warning,
        Message = "The rules in effect could not be read; requests that need them wait or fail until a read succeeds")]
    public static partial void RulesNotRead(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 1102, Level = LogLevel.Information, Message = "{Actor} changed {ConfigKey} from {OldValue} to {NewValue}")]
    public static partial void ConfigChanged(this ILogger logger, string actor, string configKey, string oldValue, string newValue);
}
