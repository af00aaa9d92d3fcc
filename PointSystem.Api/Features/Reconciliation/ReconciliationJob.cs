using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>
/// Works on runs over all members: immediately if a run was started on this replica, otherwise it looks for an unfinished run every
/// <see cref="ReconciliationOptions.Interval"/>, for example after the replica that worked on it has stopped.
/// </summary>
internal sealed class ReconciliationJob(
    IServiceScopeFactory scopes, IOptions<ReconciliationOptions> options, TimeProvider clock, ILogger<ReconciliationJob> logger) : BackgroundService
{
    private readonly SemaphoreSlim _begun = new(0);

    /// <summary>Looks for a run immediately, because one was started.</summary>
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
                // The progress is stored; the next look continues the run.
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
