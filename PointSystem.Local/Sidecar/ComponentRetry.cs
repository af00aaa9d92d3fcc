namespace PointSystem.Local.Sidecar;

/// <summary>
/// Creates components that failed at start and may fail (<c>ignoreErrors</c>), as soon as Redis is available. daprd retries once a
/// minute.
/// </summary>
internal sealed class ComponentRetry(LockStores stores, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        while (stores.AnyMissing && await timer.WaitForNextTickAsync(stoppingToken))
        {
            await stores.CreateMissingAsync(stoppingToken);
        }
    }
}
