using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Keys;
using PointSystem.Locking.Resilience;

namespace PointSystem.Locking;

/// <summary>Opens the connection before the first request, and releases the held locks before the process ends.</summary>
internal sealed class LockingService(
    LockProbe probe, LockBreaker breaker, BackgroundWork background, IEnumerable<ICombiner> combiners, CommandLockTable table, LockMetrics metrics,
    IOptions<LockingOptions> options, ILogger<LockingService> logger) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var settings = options.Value;
        metrics.Announce(table.Operations);
        if (settings.Mode == LockMode.Row)
        {
            logger.Started(settings.Mode, settings.StoreName, "not probed");
            return;
        }
        var fault = await probe.WarmUpAsync(cancellationToken);
        logger.Started(settings.Mode, settings.StoreName, fault ?? "the store responds");
        if (fault is not null)
        {
            // The service starts anyway: the row lock is enough, and the breaker closes by itself.
            await breaker.OpenAsync(fault);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Value.DrainTimeout);

        // Accepted commands get their outcomes first; then their locks are released.
        await Task.WhenAll(combiners.Select(combiner => combiner.DrainAsync(limit.Token)));
        await background.DrainAsync(limit.Token);
    }
}
