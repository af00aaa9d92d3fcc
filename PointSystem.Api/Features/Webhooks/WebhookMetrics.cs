using System.Diagnostics.Metrics;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>What the replica that sends webhooks measures.</summary>
internal sealed class WebhookMetrics : IHostedService
{
    private readonly Counter<long> _attempts;

    public WebhookMetrics(IMeterFactory meters) =>
        _attempts = meters.Create("PointSystem.Api").CreateCounter<long>("pointsystem.webhooks.attempts", "{attempt}", "Requests to receivers of webhooks");

    /// <summary>Counts an attempt; <c>failed</c> is followed by another one, <c>dead</c> is not.</summary>
    public void Count(DeliveryStatus status) => Count(1, status);

    /// <summary>Reports every outcome with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var status in Enum.GetValues<DeliveryStatus>())
        {
            Count(0, status);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Count(long attempts, DeliveryStatus status) => _attempts.Add(attempts, new KeyValuePair<string, object?>("outcome", status switch
    {
        DeliveryStatus.Delivered => "delivered",
        DeliveryStatus.Dead => "dead",
        _ => "failed",
    }));
}
