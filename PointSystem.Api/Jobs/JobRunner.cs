using Microsoft.Extensions.Options;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Runs a job where no other replica is at it, under the lock <c>point:job:{name}</c>. While the lock service is away a job rests at
/// first: it has time, and a restart of Redis must not set every replica going. When that has lasted, one replica goes on under an
/// advisory lock of the database.
/// </summary>
internal sealed class JobRunner(IJobLocks locks, AdvisoryLocks advisory, IOptions<JobOptions> options, TimeProvider clock, ILogger<JobRunner> logger)
{
    private readonly JobLockOptions _lock = options.Value.Lock;
    private readonly Lock _sync = new();
    private long? _awaySince;

    /// <summary>The lock of a job.</summary>
    public static string KeyOf(string name) => $"point:job:{name}";

    /// <summary>Runs the work to its end, if nobody else is at it.</summary>
    /// <param name="name">The job's name, one of few.</param>
    /// <param name="work">Its token is cancelled when the lock is lost; what it has not committed by then, the next runner does.</param>
    /// <param name="isUrgent">Whether somebody waits for it: then it does not rest while the lock service is away.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>False when another replica is at it, or the job rests.</returns>
    /// <exception cref="LeaseEndedException">The work was cancelled because the lock was lost, or held for its longest time.</exception>
    public async Task<bool> TryRunAsync(string name, Func<CancellationToken, Task> work, bool isUrgent, CancellationToken cancellationToken)
    {
        var key = KeyOf(name);
        var handle = await locks.TryAcquireAsync(key, _lock, cancellationToken);
        var away = Away(handle is { IsFallback: true });
        if (handle is null)
        {
            return false;
        }
        if (!handle.IsFallback)
        {
            await handle.RunAsync(work, cancellationToken);
            return true;
        }

        await using (handle)
        {
            if (!isUrgent && away < options.Value.RestFor)
            {
                logger.JobRests(name, handle.FallbackReason ?? "unknown");
                return false;
            }

            await using var claim = await advisory.TryTakeAsync(key, cancellationToken);
            if (claim is null)
            {
                return false;
            }

            logger.JobGoesOn(name, handle.FallbackReason ?? "unknown");
            await handle.RunAsync(token => RunAsync(claim, key, work, token), cancellationToken);
            return true;
        }
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

    /// <summary>How long the lock service has been away by now, as far as jobs have noticed.</summary>
    private TimeSpan Away(bool isAway)
    {
        lock (_sync)
        {
            _awaySince = isAway ? _awaySince ?? clock.GetTimestamp() : null;
            return _awaySince is { } since ? clock.GetElapsedTime(since) : TimeSpan.Zero;
        }
    }
}
