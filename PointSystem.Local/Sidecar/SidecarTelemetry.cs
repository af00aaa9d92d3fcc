using System.Diagnostics;

namespace PointSystem.Local.Sidecar;

/// <summary>Spans of the sidecar: one per Redis command, below the request that caused it. Costs nothing without a listener.</summary>
internal static class SidecarTelemetry
{
    /// <summary>The name of the activity source.</summary>
    public const string SourceName = "PointSystem.Sidecar";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Starts the span of one command, with OpenTelemetry's attribute names for database calls.</summary>
    public static Activity? StartCommand(string operation, RedisSettings redis)
    {
        var activity = Source.StartActivity(operation, ActivityKind.Client);
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("db.system.name", "redis");
            activity.SetTag("db.operation.name", operation);
            activity.SetTag("db.namespace", redis.Database.ToString(System.Globalization.CultureInfo.InvariantCulture));
            activity.SetTag("server.address", redis.Endpoint.Host);
            activity.SetTag("server.port", redis.Endpoint.Port);
        }
        return activity;
    }

    /// <summary>Marks the span as failed.</summary>
    public static void Failed(this Activity? activity, Exception error)
    {
        activity?.SetTag("error.type", error.GetType().FullName);
        activity?.SetStatus(ActivityStatusCode.Error, error.Message);
    }
}
