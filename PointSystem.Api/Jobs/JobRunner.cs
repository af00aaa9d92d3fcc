using Microsoft.Extensions.Options;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Runs a job if no other replica is running it, under the lock <c>point:job:{name}</c> and the advisory lock of the same name in the
/// database. The lock decides which replica tries; the advisory lock is the one that all replicas see, also those that have lost the lock
/// store or have only just found it. While the lock store is unavailable, a job is first paused, unless it is urgent. After
/// <see cref="JobOptions.RestFor"/>, one replica continues under the advisory lock alone.
/// </summary>
internal sealed class JobRunner(IJobLocks locks, AdvisoryLocks advisory, IOptions<JobOptions> options, TimeProvider clock, ILogger<JobRunner> logger)
{
    private readonly JobLockOptions _lock = options.Value.Lock;
    private readonly Lock _sync = new();
    private long? _unavailableSince;

    // Between two looks whether another replica still runs a job without an end.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    /// <summary>The lock key of a job.</summary>
    public static string KeyOf(string name) => $"point:job:{name}";

    /// <summary>Runs the work to its end, if no other replica is running it.</summary>
    /// <param name="name">The name of the job, one of a fixed set.</param>
    /// <param name="work">
    /// The work. Its token is cancelled when the lock is lost; the next runner does what has not been committed by then.
    /// </param>
    /// <param name="isUrgent">Whether a caller waits for it: then it is not paused while the lock store is unavailable.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>False if another replica is running it, or the job is paused.</returns>
    /// <exception cref="LeaseEndedException">The work was cancelled because the lock was lost or reached its maximum time.</exception>
    public async Task<bool> TryRunAsync(string name, Func<CancellationToken, Task> work, bool isUrgent, CancellationToken cancellationToken)
    {
        var key = KeyOf(name);
        var handle = await locks.TryAcquireAsync(key, _lock, cancellationToken);
        var unavailableFor = UnavailableFor(handle is { IsFallback: true });
        if (handle is null)
        {
            return false;
        }

        await using (handle)
        {
            if (handle.IsFallback && !isUrgent && unavailableFor < options.Value.RestFor)
            {
                logger.JobPaused(name, handle.FallbackReason ?? "unknown");
                return false;
            }

            var isRun = false;
            await handle.RunAsync(
                async token =>
                {
                    // Released before the lock, so that whoever gets the lock next is not refused here.
                    await using var claim = await advisory.TryAcquireAsync(key, _lock.Lease, token);
                    if (claim is null)
                    {
                        return;
                    }

                    isRun = true;
                    if (handle.IsFallback)
                    {
                        logger.JobContinues(name, handle.FallbackReason ?? "unknown");
                    }

                    await RunAsync(claim, key, work, token);
                },
                cancellationToken);
            return isRun;
        }
    }

    /// <summary>Runs work without an end on one replica at a time: here, whenever no other replica does.</summary>
    /// <param name="name">The name of the job, one of a fixed set.</param>
    /// <param name="isWanted">Whether there is anything to do: if not, this costs nothing, not even a lock.</param>
    /// <param name="work">The work, as of <see cref="TryRunAsync"/>.</param>
    /// <param name="report">Called for each failure other than the end of the lock.</param>
    /// <param name="stoppingToken">Ends it.</param>
    public async Task KeepRunningAsync(
        string name, Func<bool> isWanted, Func<CancellationToken, Task> work, Action<Exception> report, CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookInterval, clock);
        do
        {
            try
            {
                if (isWanted())
                {
                    await TryRunAsync(name, work, isUrgent: true, stoppingToken);
                }
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                if (failure is not LeaseEndedException)
                {
                    report(failure);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static async Task RunAsync(AdvisoryLock claim, string key, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(claim.Lost, cancellationToken);
        try
        {
            await work(ending.Token);
        }
        catch (OperationCanceledException cancelled) when (claim.Lost.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new LeaseEndedException([key], cancelled);
        }
    }

    /// <summary>How long the lock store has been unavailable, as seen by jobs.</summary>
    private TimeSpan UnavailableFor(bool isUnavailable)
    {
        lock (_sync)
        {
            _unavailableSince = isUnavailable ? _unavailableSince ?? clock.GetTimestamp() : null;
            return _unavailableSince is { } since ? clock.GetElapsedTime(since) : TimeSpan.Zero;
        }
    }
}
