using System.Reflection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Resources;

namespace PointSystem.ServiceDefaults;

/// <summary>The identity of the service in its telemetry.</summary>
internal static class ServiceResource
{
    /// <summary>
    /// Sets <c>service.name</c>, <c>service.version</c> and <c>service.instance.id</c> (the setting <c>Replica:Name</c>, otherwise
    /// machine and process). <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c> override them.
    /// </summary>
    public static void Describe(this ResourceBuilder resource, IHostApplicationBuilder builder) => resource
        .Clear()
        .AddService(builder.Environment.ApplicationName, serviceVersion: Version, serviceInstanceId: InstanceOf(builder))
        .AddTelemetrySdk()
        .AddEnvironmentVariableDetector();

    private static string? Version => Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    private static string InstanceOf(IHostApplicationBuilder builder) =>
        builder.Configuration["Replica:Name"] is { Length: > 0 } name ? name : $"{Environment.MachineName}-{Environment.ProcessId}";
}
