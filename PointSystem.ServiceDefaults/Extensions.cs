using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;
using PointSystem.ServiceDefaults;

// In the namespace of the host builders, like Aspire's templates.
namespace Microsoft.Extensions.Hosting;

/// <summary>
/// The common parts of all services: secrets from files, security headers, telemetry, health checks, service discovery, resilient HTTP clients.
/// </summary>
public static class Extensions
{
    /// <summary>Tag of the health checks that decide whether this instance accepts requests.</summary>
    public const string ReadyTag = "ready";

    /// <summary>Path of the liveness probe; runs no check.</summary>
    public const string LivePath = "/health/live";

    /// <summary>Path of the readiness probe: 200, or 503 with the failed checks.</summary>
    public const string ReadyPath = "/health/ready";

    /// <summary>Adds the defaults to a service.</summary>
    public static IHostApplicationBuilder AddServiceDefaults(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        // First: everything after it may read them.
        builder.AddSecretFiles();
        builder.AddTelemetry();
        builder.Services.AddOptions<DrainOptions>()
            .BindConfiguration(DrainOptions.SectionName)
            .Validate(options => options.Delay >= TimeSpan.Zero && options.Delay <= DrainOptions.DelayMax, "Drain:Delay must be from 00:00:00 to 00:01:00.")
            .Validate(
                options => options.Timeout >= TimeSpan.FromSeconds(1) && options.Timeout <= DrainOptions.TimeoutMax,
                "Drain:Timeout must be from 00:00:01 to 00:05:00.")
            .ValidateOnStart();
        builder.Services.AddOptions<HostOptions>()
            .Configure<IOptions<DrainOptions>>((host, drain) => host.ShutdownTimeout = drain.Value.Delay + drain.Value.Timeout);
        builder.Services.AddSingleton<Drain>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Drain>());
        builder.Services.AddHostedService<EndWithParent>();
        builder.Services.AddTransient<IStartupFilter, CloseConnectionsWhileDraining>();
        builder.Services.AddTransient<IStartupFilter, SecurityHeaders>();
        builder.Services.AddHealthChecks().AddCheck<DrainHealthCheck>("lifetime", tags: [ReadyTag]);
        builder.Services.AddServiceDiscovery();
        builder.Services.ConfigureHttpClientDefaults(http =>
        {
            // A POST without an answer may have been carried out; its sender decides whether to repeat it.
            http.AddStandardResilienceHandler(options => options.Retry.DisableForUnsafeHttpMethods());
            http.AddServiceDiscovery();
        });
        return builder;
    }

    /// <summary>
    /// Maps <see cref="LivePath"/> and <see cref="ReadyPath"/>, and <see cref="TelemetryOptions.MetricsPath"/> if enabled.
    /// </summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        // Probes every second would distort the request metrics.
        app.MapHealthChecks(LivePath, new HealthCheckOptions { Predicate = static _ => false, ResponseWriter = HealthJson.WriteAsync }).DisableHttpMetrics();
        app.MapHealthChecks(ReadyPath, new HealthCheckOptions
        {
            Predicate = static check => check.Tags.Contains(ReadyTag),
            ResponseWriter = HealthJson.WriteAsync,
        }).DisableHttpMetrics();
        if (TelemetryOptions.Read(app.Configuration, app.Environment).Prometheus)
        {
            app.MapPrometheusScrapingEndpoint(TelemetryOptions.MetricsPath).DisableHttpMetrics();
        }
        return app;
    }
}
