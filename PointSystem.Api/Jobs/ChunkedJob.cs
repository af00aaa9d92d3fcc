using PointSystem.Locking;

namespace PointSystem.Api.Jobs;

/// <summary>
/// A job that every replica has and one at a time runs, under the lock <c>point:job:{name}</c>: chunk by chunk, so that another replica
/// goes on where a dead one stopped. Two runners at once, which a lost lock can bring about, would only find less to do.
/// </summary>
internal abstract class ChunkedJob(string name, TimeSpan interval, JobRunner runner, TimeProvider clock, ILogger logger) : BackgroundService
{
    /// <summary>Does a bounded piece of the work; false when nothing was left to do.</summary>
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
                // Whoever gets the lock next goes on with the chunk that was cancelled.
                logger.JobInterrupted(name);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                // The next round tries again; until then nothing is wrong, because no balance depends on a job.
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
