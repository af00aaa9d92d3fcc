using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace PointSystem.ServiceDefaults;

/// <summary>Where telemetry goes. Read once, while the service is built.</summary>
public sealed class TelemetryOptions
{
    /// <summary>
    /// Whether <see cref="MetricsPath"/> is served. Default: yes, except in Production. Enable it there only if nothing but Prometheus
    /// can reach it.
    /// </summary>
    public const string PrometheusKey = "Telemetry:Metrics:Prometheus";

    /// <summary>The OTLP collector. Default: none.</summary>
    public const string OtlpEndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Path of the metrics for Prometheus.</summary>
    public const string MetricsPath = "/metrics";

    private TelemetryOptions(Uri? otlpEndpoint, bool prometheus)
    {
        OtlpEndpoint = otlpEndpoint;
        Prometheus = prometheus;
    }

    /// <summary>The OTLP collector; null = nothing is sent.</summary>
    public Uri? OtlpEndpoint { get; }

    /// <summary>Whether <see cref="MetricsPath"/> is served.</summary>
    public bool Prometheus { get; }

    /// <exception cref="OptionsValidationException">A setting is invalid.</exception>
    internal static TelemetryOptions Read(IConfiguration configuration, IHostEnvironment environment) => new(
        configuration[OtlpEndpointKey] is { } endpoint && !string.IsNullOrWhiteSpace(endpoint) ? Url(endpoint) : null,
        configuration[PrometheusKey] is { Length: > 0 } prometheus ? Flag(prometheus) : !environment.IsProduction());

    private static Uri Url(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        ? url
        : throw Invalid($"{OtlpEndpointKey} must be a URL such as http://localhost:4317, not '{text}'.");

    private static bool Flag(string text) => bool.TryParse(text, out var flag) ? flag : throw Invalid($"{PrometheusKey} must be true or false, not '{text}'.");

    private static OptionsValidationException Invalid(string failure) => new(Options.DefaultName, typeof(TelemetryOptions), [failure]);
}
