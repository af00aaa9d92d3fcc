using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// Removes ghost holds: an attempt whose answer was lost may have set the key, which would then be blocked for its whole lease. Unlocks
/// with that attempt's owner (harmless to other holders) until the store has answered, and once more a little later, in case the attempt
/// arrived after its unlock.
/// </summary>
internal sealed class GhostCleaner(
    ILockStore store, LockBreaker breaker, BackgroundWork background, IOptions<LockingOptions> options,
    LockMetrics metrics, TimeProvider clock, ILogger<GhostCleaner> logger)
{
    private static readonly TimeSpan SecondLookAfter = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _callTimeout = options.Value.AttemptTimeout;

    /// <param name="key">The attempt's key.</param>
    /// <param name="owner">The attempt's owner.</param>
    /// <param name="lease">After this time the store removes the hold by itself.</param>
    public void Clean(string key, string owner, TimeSpan lease) => background.Run(stopping => CleanAsync(key, owner, lease, stopping));

    private async Task CleanAsync(string key, string owner, TimeSpan lease, CancellationToken stopping)
    {
        var since = clock.GetTimestamp();
        var answers = 0;
        while (clock.GetElapsedTime(since) < lease * 2)
        {
            var status = await TryUnlockAsync(key, owner);
            if (status == UnlockStatus.Released)
            {
                metrics.GhostRemoved();
                logger.GhostRemoved(key);
                return;
            }
            answers = status is null ? 0 : answers + 1;
            if (answers == 2 || stopping.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(answers > 0 ? SecondLookAfter : RetryAfter, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (breaker.IsOpen)
            {
                // The breaker's probe checks the store now. An attempt may stay in a frozen sidecar's socket until the sidecar resumes,
                // so the time is counted again from the store's return. An open breaker lets no further attempts out, so only few
                // clean-ups wait here.
                await breaker.WhenClosed.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                since = clock.GetTimestamp();
            }
        }
    }

    private async Task<UnlockStatus?> TryUnlockAsync(string key, string owner)
    {
        try
        {
            using var deadline = new CancellationTokenSource(_callTimeout, clock);
            var status = await store.UnlockAsync(key, owner, deadline.Token);
            metrics.Called("clean_up", status.ToString());
            return status;
        }
        catch (Exception failure) when (failure is OperationCanceledException or LockStoreException)
        {
            metrics.Called("clean_up", (failure as LockStoreException)?.Reason ?? "timeout");
            return null;
        }
    }
}
