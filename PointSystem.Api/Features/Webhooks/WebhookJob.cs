using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>
/// Sends webhooks on one replica at a time, under the lock <c>point:job:webhooks</c>; another one goes on within a lease. Two senders at a time, which a
/// lost lock can cause, send an event twice at worst.
/// </summary>
internal sealed class WebhookJob(
    WebhookStore store,
    WebhookSender sender,
    WebhookMetrics metrics,
    EventMonitor monitor,
    JobRunner runner,
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource events,
    TimeProvider time,
    IOptions<WebhookOptions> options,
    ILogger<WebhookJob> logger) : BackgroundService
{
    private const string Name = "webhooks";

    // For all endpoints together, out of the pools of writes and reads.
    private const int ConnectionsMax = 2;
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _connections = new(ConnectionsMax);
    private bool _isFailing;

    public override void Dispose()
    {
        _connections.Dispose();
        base.Dispose();
    }

    // The monitor asks the database anyway.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        runner.KeepRunningAsync(Name, () => monitor.State is { HasWebhooks: true }, RunAsync, Report, stoppingToken);

    /// <summary>Once for each outage, in which there are enough other lines.</summary>
    private void Report(Exception failure)
    {
        if (!_isFailing)
        {
            logger.Interrupted(failure);
        }

        _isFailing = true;
    }

    /// <summary>Keeps one worker for each enabled endpoint, until none is left.</summary>
    private async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workers = new Dictionary<long, Task>();
        try
        {
            using var timer = new PeriodicTimer(LookInterval, time);
            do
            {
                var endpoints = await store.ListAsync(ending.Token);
                var ended = workers.Where(one => one.Value.IsCompleted).ToList();
                _isFailing &= ended.Count > 0;
                foreach (var (id, worker) in ended)
                {
                    if (worker.Exception is { } failure)
                    {
                        Report(failure.GetBaseException());
                    }

                    workers.Remove(id);
                }

                foreach (var endpoint in endpoints.Where(one => one.IsEnabled && !workers.ContainsKey(one.Id)))
                {
                    workers[endpoint.Id] = new WebhookWorker(
                        endpoint.Id, store, sender, metrics, events, monitor, time, options.Value, _connections, logger).RunAsync(ending.Token);
                }
            }
            while (workers.Count > 0 && await timer.WaitForNextTickAsync(ending.Token));
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(workers.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
