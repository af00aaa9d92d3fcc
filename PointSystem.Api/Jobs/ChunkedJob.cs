using PointSystem.Locking;

namespace PointSystem.Api.Jobs;

/// <summary>
/// A job that every replica has and one at a time runs: chunk by chunk, each under the lock <c>point:job:{name}</c>, so that another replica goes on
/// where a dead one stopped. Two runners at once, which a lost lease can bring about, would only find less to do.
/// </summary>
internal abstract class ChunkedJob(string name, TimeSpan interval, IDistributedLocks locks, TimeProvider clock, ILogger logger) : BackgroundService
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private readonly LockOptions _lock = new() { Wait = TimeSpan.Zero, Lease = Lease, Operation = $"point:job:{name}" };

    /// <summary>Does a bounded piece of the work; false when nothing was left to do.</summary>
    protected abstract Task<bool> RunChunkAsync(CancellationToken cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        do
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                // The next round tries again; until then nothing is wrong, because no balance depends on a job.
                logger.JobFailed(e, name);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await using var handle = await locks.TryAcquireAsync($"point:job:{name}", _lock, stoppingToken);
            if (handle is null)
            {
                return;
            }

            using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, handle.LeaseEnding);
            if (!await RunChunkAsync(ending.Token))
            {
                return;
            }
        }
    }
}
