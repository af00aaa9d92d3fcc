using Microsoft.Extensions.Options;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// Checks with a key of its own whether the store works: acquires a lock and releases it. The warm-up also tries a refusal.
/// </summary>
internal sealed class LockProbe(ILockStore store, IOptions<LockingOptions> options, TimeProvider clock)
{
    // Its own key, so that no caller ever waits for a probe and replicas do not collide.
    private readonly string _key = $"probe:{Guid.NewGuid():N}";

    /// <summary>Returns null when the store answered in time, otherwise the reason.</summary>
    /// <param name="limit">Timeout of the calls. Longer than an attempt while the breaker is open, so that a dead connection is
    /// detected.</param>
    /// <param name="isFast">The maximum time that counts as healthy.</param>
    /// <param name="cancellationToken">Ends the probe.</param>
    public async Task<string?> FindFaultAsync(TimeSpan limit, TimeSpan isFast, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(limit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var started = clock.GetTimestamp();
        var owner = LockOwner.New(options.Value);
        try
        {
            // A refusal means that an earlier probe's hold still exists: the store works.
            if (await store.TryLockAsync(_key, owner, leaseSeconds: 1, both.Token))
            {
                await store.UnlockAsync(_key, owner, both.Token);
            }
            return clock.GetElapsedTime(started) <= isFast ? null : "slow";
        }
        catch (LockStoreException failure)
        {
            return failure.Reason;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "timeout";
        }
    }

    /// <summary>
    /// Makes the first calls of the process, off any request's path: they open the connection and warm up both answers.
    /// </summary>
    public async Task<string?> WarmUpAsync(CancellationToken cancellationToken)
    {
        var limit = options.Value.WarmUpTimeout;
        using var deadline = new CancellationTokenSource(limit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var owner = LockOwner.New(options.Value);
        try
        {
            // The first refusal in a process is as slow as the first grant, so both are made here.
            _ = await store.TryLockAsync(_key, owner, leaseSeconds: 2, both.Token);
            _ = await store.TryLockAsync(_key, LockOwner.New(options.Value), leaseSeconds: 1, both.Token);
            _ = await store.UnlockAsync(_key, owner, both.Token);
            return null;
        }
        catch (LockStoreException failure)
        {
            return failure.Reason;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "timeout";
        }
    }
}
