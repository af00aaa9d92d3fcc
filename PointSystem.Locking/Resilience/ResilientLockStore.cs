using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Polly;
using Polly.CircuitBreaker;
using Polly.Registry;
using Polly.Timeout;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// The store behind its pipeline: every call has its own deadline, and its result is one of three answers, never an exception of the
/// store. An attempt whose outcome is unknown is handed to the <see cref="GhostCleaner"/>.
/// </summary>
internal sealed class ResilientLockStore(
    ILockStore store, ResiliencePipelineProvider<string> pipelines, LockBreaker breaker, GhostCleaner ghosts,
    IOptions<LockingOptions> options, LockMetrics metrics, TimeProvider clock, ILogger<ResilientLockStore> logger)
{
    private readonly ResiliencePipeline _pipeline = pipelines.GetPipeline(LockPipeline.Name);
    private readonly TimeSpan _attemptTimeout = options.Value.AttemptTimeout;

    /// <summary>Makes one attempt. Only the caller cancels it.</summary>
    public async ValueTask<LockAnswer> TryLockAsync(string key, string owner, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (breaker.Reason is { } reason)
        {
            // Returned without Polly's exception, which is too slow when every write takes this path.
            metrics.Called("try_lock", "skipped");
            return new LockAnswer(LockAnswerKind.Unavailable, reason);
        }
        var sent = clock.GetTimestamp();
        try
        {
            var taken = await _pipeline.ExecuteAsync(
                static async (call, token) => await call.store.TryLockAsync(call.key, call.owner, call.seconds, token),
                (store, key, owner, seconds: (int)lease.TotalSeconds), cancellationToken);
            if (!taken && clock.GetElapsedTime(sent) > _attemptTimeout / 2)
            {
                // A slow refusal may come from a repeated SET that met its own key.
                ghosts.Clean(key, owner, lease);
            }
            metrics.Called("try_lock", taken ? "acquired" : "contended");
            return new LockAnswer(taken ? LockAnswerKind.Acquired : LockAnswerKind.Contended, null);
        }
        catch (BrokenCircuitException)
        {
            metrics.Called("try_lock", "skipped");
            return new LockAnswer(LockAnswerKind.Unavailable, breaker.Reason ?? "breaker-open");
        }
        catch (TimeoutRejectedException)
        {
            ghosts.Clean(key, owner, lease);
            return Failed(key, "timeout");
        }
        catch (LockStoreException failure)
        {
            if (failure.IsAmbiguous)
            {
                ghosts.Clean(key, owner, lease);
            }
            return Failed(key, failure.Reason, failure.Reason == "unexpected" ? failure : null);
        }
        catch (OperationCanceledException)
        {
            // The request has been sent: the caller has cancelled, but its hold may still appear.
            ghosts.Clean(key, owner, lease);
            metrics.Called("try_lock", "cancelled");
            throw;
        }
    }

    /// <summary>Releases a lock. The status is null when the store did not answer; then the <see cref="GhostCleaner"/> retries.</summary>
    public async Task<(UnlockStatus? Status, string? Reason)> UnlockAsync(string key, string owner, TimeSpan leaseLeft)
    {
        string reason;
        try
        {
            using var deadline = new CancellationTokenSource(_attemptTimeout, clock);
            var status = await store.UnlockAsync(key, owner, deadline.Token);
            metrics.Called("unlock", status.ToString());
            return (status, null);
        }
        catch (OperationCanceledException)
        {
            reason = "timeout";
        }
        catch (LockStoreException failure)
        {
            reason = failure.Reason;
        }
        metrics.Called("unlock", reason);
        breaker.Suspect(reason);
        ghosts.Clean(key, owner, leaseLeft);
        return (null, reason);
    }

    private LockAnswer Failed(string key, string reason, Exception? cause = null)
    {
        // Logged only where an attempt was made: otherwise an open breaker would write a line per request.
        logger.FellBack(cause, key, reason);
        metrics.Called("try_lock", reason);
        breaker.Suspect(reason);
        return new LockAnswer(LockAnswerKind.Unavailable, reason);
    }
}

/// <summary>The possible results of an attempt.</summary>
internal enum LockAnswerKind
{
    Acquired,
    Contended,
    Unavailable,
}

/// <summary>The result of an attempt, and the reason if the store was unavailable.</summary>
internal readonly record struct LockAnswer(LockAnswerKind Kind, string? Reason);
