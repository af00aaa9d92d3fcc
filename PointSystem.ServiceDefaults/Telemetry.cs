using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PointSystem.ServiceDefaults;

/// <summary>Configures which telemetry a service sends, and where.</summary>
public static class Telemetry
{
    // All our meters and activity sources are named after their projects.
    private const string Ours = "PointSystem.*";

    /// <summary>
    /// Sends traces, metrics and logs over OTLP if <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, serves metrics for Prometheus if <see
    /// cref="TelemetryOptions"/> enables it, and does nothing otherwise: without a listener no span is created, and an instrument costs
    /// one comparison.
    /// </summary>
    /// <remarks>Sampling, intervals, headers and protocol are set by OpenTelemetry's own <c>OTEL_…</c> variables.</remarks>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting is invalid; the message says
    /// which.</exception>
    public static IHostApplicationBuilder AddTelemetry(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = TelemetryOptions.Read(builder.Configuration, builder.Environment);
        if (options is { OtlpEndpoint: null, Prometheus: false })
        {
            return builder;
        }

        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.Describe(builder))
            .WithMetrics(metrics =>
            {
                metrics.AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddRuntimeInstrumentation().AddMeter(Ours, "Polly");
                if (options.Prometheus)
                {
                    metrics.AddPrometheusExporter();
                }
            });
        if (options.OtlpEndpoint is null)
        {
            return builder;
        }

        telemetry
            .WithTracing(tracing => tracing
                .AddSource(Ours)
                .AddAspNetCoreInstrumentation(aspNet => aspNet.Filter = http => !Probes.Contain(http.Request.Path))
                .AddHttpClientInstrumentation(http => http.FilterHttpRequestMessage = request => !Probes.Contain(request.RequestUri))
                // One span per call, without a second one for the underlying HTTP request.
                .AddGrpcClientInstrumentation(grpc => grpc.SuppressDownstreamInstrumentation = true))
            .WithLogging(null, logging =>
            {
                logging.IncludeFormattedMessage = true;
                logging.IncludeScopes = true;
            })
            .UseOtlpExporter();
        return builder;
    }
}
