using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace PointSystem.Gateway;

/// <summary>The gateway accepts requests as long as one replica does; the description contains the state of each.</summary>
internal sealed class ReplicasHealthCheck(ReplicaSet replicas) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var current = replicas.Current;
        var description = string.Join(' ', current.Select(upstream => upstream.Describe()));
        var ready = current.Count(upstream => upstream.State == UpstreamState.Ready);
        return Task.FromResult(
            ready == 0 ? HealthCheckResult.Unhealthy(description)
            : ready < current.Length ? HealthCheckResult.Degraded(description)
            : HealthCheckResult.Healthy(description));
    }
}
