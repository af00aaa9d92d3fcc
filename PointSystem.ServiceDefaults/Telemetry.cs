using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace PointSystem.ServiceDefaults;

/// <summary>Which telemetry a service sends, and where.</summary>
public static class Telemetry
{
    // Whatever of ours has a meter or an activity source is named after its project.
    private const string Ours = "PointSystem.*";

    /// <summary>
    /// Traces, metrics and logs over OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says where to, metrics for Prometheus where
    /// <see cref="TelemetryOptions"/> wants them, and nothing at all otherwise: without a listener no span is made and an
    /// instrument costs a comparison.
    /// </summary>
    /// <remarks>Sampling, intervals, headers and protocol are set by OpenTelemetry's own <c>OTEL_…</c> variables.</remarks>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting cannot be used; the
    /// text says which.</exception>
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
                // One span for a call, not a second one for the HTTP request that carries it.
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
