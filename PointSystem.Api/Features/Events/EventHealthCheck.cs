using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Events;

/// <summary>
/// Degraded while events are held back for too long, or come in an order that consumers cannot follow. Never unhealthy: points are written
/// correctly.
/// </summary>
internal sealed class EventHealthCheck(EventMonitor monitor, TimeProvider time, IOptions<EventOptions> options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Evaluate(monitor.State, time.GetUtcNow(), options.Value.LagMax));

    internal static HealthCheckResult Evaluate(EventState? state, DateTimeOffset now, TimeSpan lagMax) => state switch
    {
        null => HealthCheckResult.Degraded("The lag of events is unknown."),
        { IsAhead: true } => HealthCheckResult.Degraded(
            "The ledger comes from a database cluster with higher transaction ids, so new events would come before old ones: run the migrations."),
        _ when state.LagAt(now) is var lag && lag >= lagMax => HealthCheckResult.Degraded(FormattableString.Invariant(
            $"Events are held back for {lag.TotalSeconds:0} s: {state.Blocker ?? "a transaction is open"}.")),
        _ => HealthCheckResult.Healthy("Events can be read as they are committed."),
    };
}
