namespace PointSystem.Local.Sidecar;

internal static partial class SidecarLog
{
    [LoggerMessage(LogLevel.Information,
        "This is PointSystem's stand-in for Dapr's lock API only. It is not Dapr and has no other feature of Dapr.")]
    public static partial void StandIn(this ILogger logger);

    [LoggerMessage(LogLevel.Information, "Sidecar of app {AppId} is ready: HTTP on {HttpPort}, gRPC on {GrpcPort}, lock stores: {Stores}")]
    public static partial void Ready(this ILogger logger, string appId, int httpPort, int grpcPort, string stores);

    [LoggerMessage(LogLevel.Debug, "Flag {Flag} is not for locks and is ignored")]
    public static partial void FlagIgnored(this ILogger logger, string flag);

    [LoggerMessage(LogLevel.Information, "Standard input has ended: shutting down together with the parent process")]
    public static partial void StdinEnded(this ILogger logger);

    [LoggerMessage(LogLevel.Debug, "{File} is not YAML and is not loaded")]
    public static partial void NotYaml(this ILogger logger, string file);

    [LoggerMessage(LogLevel.Warning, "{File} cannot be read as YAML and is ignored: {Reason}")]
    public static partial void UnreadableManifest(this ILogger logger, string file, string reason);

    [LoggerMessage(LogLevel.Debug, "{Kind} {Name} is scoped to other apps")]
    public static partial void OutOfScope(this ILogger logger, string kind, string name);

    [LoggerMessage(LogLevel.Debug, "Kind '{Kind}' in {File} is unknown and is ignored")]
    public static partial void UnknownKind(this ILogger logger, string kind, string file);

    [LoggerMessage(LogLevel.Warning, "Component {Component} is not a lock store: this stand-in ignores it")]
    public static partial void NotALockComponent(this ILogger logger, string component);

    [LoggerMessage(LogLevel.Information, "Component loaded: {Component}, Redis at {Address}")]
    public static partial void ComponentLoaded(this ILogger logger, string component, string address);

    [LoggerMessage(LogLevel.Warning, "Component {Component} could not be created and is ignored for now (spec.ignoreErrors): {Reason}")]
    public static partial void ComponentMissing(this ILogger logger, string component, string reason);

    [LoggerMessage(LogLevel.Debug, "Component {Component} still cannot be created: {Reason}")]
    public static partial void ComponentStillMissing(this ILogger logger, string component, string reason);

    [LoggerMessage(LogLevel.Warning,
        "Component {Component} leaves Redis retries enabled. "
        + "This stand-in never retries, but real daprd would, and a retried lock can lock itself out: set redisMaxRetries to -1.")]
    public static partial void RetriesAsked(this ILogger logger, string component);

    [LoggerMessage(LogLevel.Information, "Resiliency policies loaded: {Name}")]
    public static partial void ResiliencyLoaded(this ILogger logger, string name);

    [LoggerMessage(LogLevel.Warning,
        "Component {Component} names the retry policy {Policy}: ignored. "
        + "A retried lock can mistake its own first attempt for another owner's and block the key until it expires.")]
    public static partial void RetryIgnored(this ILogger logger, string component, string policy);

    [LoggerMessage(LogLevel.Warning, "Component {Component} names the policy {Policy}, which no Resiliency file defines: ignored")]
    public static partial void UnknownPolicy(this ILogger logger, string component, string policy);

    [LoggerMessage(LogLevel.Information, "Circuit breaker {Policy} of component {Component} changed from {From} to {To}")]
    public static partial void BreakerChanged(this ILogger logger, string component, string policy, BreakerState from, BreakerState to);

    [LoggerMessage(LogLevel.Debug, "{Operation} on lock store {Store} failed: {Reason}")]
    public static partial void StoreFailed(this ILogger logger, string operation, string store, string reason);
}
