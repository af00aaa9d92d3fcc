using Microsoft.Extensions.Logging;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;
using PointSystem.Locking.Store;

namespace PointSystem.Locking;

/// <summary>Releases locks off the caller's path: the caller's commit stands, whatever happens to the lock.</summary>
internal sealed class LockReleaser(
    ResilientLockStore store, BackgroundWork background, LockMetrics metrics, TimeProvider clock, ILogger<LockReleaser> logger)
{
    public void Release(LockHandle handle, KeyedGate.Turn? turn, string operation, long heldSince)
    {
        var held = clock.GetElapsedTime(heldSince);
        metrics.Held(operation, handle.IsFallback || handle.IsBypass, held);
        if (handle.Owner.Length == 0)
        {
            turn?.End();
            return;
        }
        turn?.Ending();
        background.Run(_ => ReleaseAsync(handle, turn, operation));
    }

    private async Task ReleaseAsync(LockHandle handle, KeyedGate.Turn? turn, string operation)
    {
        try
        {
            using var activity = LockMetrics.Activities.StartActivity("lock release");
            var (status, reason) = await store.UnlockAsync(handle.Key, handle.Owner, handle.LeaseEndsAt - handle.AcquiredAt);
            activity?.SetTag("lock.status", status?.ToString() ?? reason);
            if (status is null)
            {
                logger.ReleaseFailed(handle.Key, reason ?? "unknown");
            }
            else if (status != UnlockStatus.Released)
            {
                metrics.LeaseLost(operation, status.Value.ToString());
                logger.LeaseLost(handle.Key, status.Value.ToString(), clock.GetUtcNow() - handle.AcquiredAt);
            }
        }
        finally
        {
            // Only now: otherwise our own lock would refuse the next local caller.
            turn?.End();
        }
    }
}
