using PointSystem.Locking;

namespace PointSystem.Api.Jobs;

/// <summary>
/// A job that exists on every replica and runs on one at a time, under the lock <c>point:job:{name}</c>. It runs in chunks, so that
/// another replica can continue where a failed one stopped. Two concurrent runners, which a lost lock can cause, are harmless: each finds
/// less to do.
/// </summary>
internal abstract class ChunkedJob(string name, TimeSpan interval, JobRunner runner, TimeProvider clock, ILogger logger) : BackgroundService
{
    /// <summary>Does a limited part of the work; false if nothing was left to do.</summary>
    protected abstract Task<bool> RunChunkAsync(CancellationToken cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        do
        {
            try
            {
                await runner.TryRunAsync(name, RunChunksAsync, isUrgent: false, stoppingToken);
            }
            catch (LeaseEndedException)
            {
                // The next holder of the lock continues with the cancelled chunk.
                logger.JobInterrupted(name);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                // The next round tries again. No balance depends on a job.
                logger.JobFailed(e, name);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task RunChunksAsync(CancellationToken cancellationToken)
    {
        while (await RunChunkAsync(cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
