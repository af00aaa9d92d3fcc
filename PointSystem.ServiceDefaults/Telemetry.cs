using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace PointSystem.ServiceDefaults;

internal static class Telemetry
{
    private const string EndpointSetting = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Traces, metrics and logs over OTLP, where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to; nothing at all otherwise.</summary>
    /// <remarks>Without a listener spans are hardly made and instruments cost next to nothing. Trace ids in logs and problems need no exporter.</remarks>
    public static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration[EndpointSetting]))
        {
            return;
        }

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                resource.AddService(builder.Configuration["OTEL_SERVICE_NAME"] ?? builder.Environment.ApplicationName, serviceInstanceId: InstanceOf(builder));
            })
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter("PointSystem.*", "Npgsql", "Polly"))
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(options => options.Filter = IsOfInterest)
                .AddHttpClientInstrumentation()
                .AddSource("PointSystem.*", "Npgsql"))
            .UseOtlpExporter();
    }

    // Probes every second would bury what people look for.
    private static bool IsOfInterest(HttpContext http) => !http.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal);

    private static string InstanceOf(IHostApplicationBuilder builder) =>
        builder.Configuration["Replica:Name"] is { Length: > 0 } name ? name : $"{Environment.MachineName}-{Environment.ProcessId}";
}
