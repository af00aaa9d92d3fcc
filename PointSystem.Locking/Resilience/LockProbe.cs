using Microsoft.Extensions.Options;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// Asks the store, on a key of this replica's own, whether it does its work: takes a lock, is refused it once, gives it back.
/// </summary>
internal sealed class LockProbe(ILockStore store, IOptions<LockingOptions> options, TimeProvider clock)
{
    // A key of its own, so that no caller ever waits for a probe and replicas do not meet.
    private readonly string _key = $"probe:{Guid.NewGuid():N}";

    /// <summary>Null when the store answered in time, otherwise the reason.</summary>
    /// <param name="limit">How long the calls may take; an open connection is given longer than an attempt, so that a dead one
    /// is found out.</param>
    /// <param name="isFast">How long they may take to count as healthy.</param>
    /// <param name="cancellationToken">Ends the probe.</param>
    public async Task<string?> FindFaultAsync(TimeSpan limit, TimeSpan isFast, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(limit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var started = clock.GetTimestamp();
        var owner = LockOwner.New();
        try
        {
            // Refused means that an earlier probe's hold is still there: the store works.
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

    /// <summary>The first calls of a process, off any request's path: they open the connection and warm both answers up.</summary>
    public async Task<string?> WarmUpAsync(CancellationToken cancellationToken)
    {
        var limit = options.Value.WarmUpTimeout;
        using var deadline = new CancellationTokenSource(limit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var owner = LockOwner.New();
        try
        {
            // The first refusal of a process is as slow as the first grant.
            _ = await store.TryLockAsync(_key, owner, leaseSeconds: 2, both.Token);
            _ = await store.TryLockAsync(_key, LockOwner.New(), leaseSeconds: 1, both.Token);
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
