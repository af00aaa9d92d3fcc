using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace PointSystem.ServiceDefaults;

/// <summary>How a service leaves.</summary>
public sealed class DrainOptions
{
    public const string SectionName = "Drain";

    /// <summary>Longest delay.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(1);

    /// <summary>How long requests are still taken after "ready" has turned to 503, so that balancers notice first. 0 … 1 minute, default 0.</summary>
    public TimeSpan Delay { get; set; }
}

/// <summary>Between "stop" and the closing of the port: waits for <see cref="DrainOptions.Delay"/>.</summary>
internal sealed class Drain(IOptions<DrainOptions> options, TimeProvider? time = null) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Runs before any service, the web server included, is told to stop.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Delay > TimeSpan.Zero)
        {
            await Task.Delay(options.Value.Delay, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Unhealthy from the moment this process has been told to stop.</summary>
internal sealed class DrainHealthCheck(IHostApplicationLifetime lifetime) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested
            ? HealthCheckResult.Unhealthy("This instance is stopping.")
            : HealthCheckResult.Healthy("This instance is running."));
}
