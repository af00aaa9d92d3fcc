using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>
/// Carries runs over all members out: at once where a run was begun here, and every <see cref="ReconciliationOptions.Interval"/> where the replica that worked on
/// one has ended.
/// </summary>
internal sealed class ReconciliationJob(
    IServiceScopeFactory scopes, IOptions<ReconciliationOptions> options, TimeProvider clock, ILogger<ReconciliationJob> logger) : BackgroundService
{
    private readonly SemaphoreSlim _begun = new(0);

    /// <summary>A run was begun: do not wait for the next look.</summary>
    public void Wake() => _begun.Release();

    public override void Dispose()
    {
        _begun.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                await scope.ServiceProvider.GetRequiredService<FullReconciler>().ContinueAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The run is kept; the next look goes on with it.
                logger.RunFailed(e);
            }

            await WaitAsync(stoppingToken);
        }
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var interval = Task.Delay(options.Value.Interval, clock, waiting.Token);
        await Task.WhenAny(interval, _begun.WaitAsync(waiting.Token));
        await waiting.CancelAsync();
        stoppingToken.ThrowIfCancellationRequested();
    }
}
