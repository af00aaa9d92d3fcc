using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Resilience;

namespace PointSystem.Locking.Jobs;

/// <summary>Acquires job locks and records the same metrics as for other locks.</summary>
internal sealed class JobLocks(
    ResilientLockStore store, IOptions<LockingOptions> options, LockMetrics metrics, JobLockMetrics jobMetrics, TimeProvider clock, ILogger<JobLocks> logger)
    : IJobLocks
{
    private readonly RelayServices _services = new(store, metrics, jobMetrics, clock, logger);

    public Task<JobLock?> TryAcquireAsync(string key, JobLockOptions options, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        ArgumentNullException.ThrowIfNull(options);
        if (key.Contains("||", StringComparison.Ordinal))
        {
            throw new ArgumentException("'||' is Dapr's own separator and is not allowed in a lock key.", nameof(key));
        }
        if (options.FindProblem(General) is { } problem)
        {
            throw new ArgumentException($"The job lock's options are not usable: {problem}.", nameof(options));
        }
        return TryAcquireMeasuredAsync(key, options, cancellationToken);
    }

    private LockingOptions General => options.Value;

    private async Task<JobLock?> TryAcquireMeasuredAsync(string key, JobLockOptions options, CancellationToken cancellationToken)
    {
        using var activity = LockMetrics.Activities.StartActivity("job lock acquire");
        activity?.SetTag("lock.operation", key);
        metrics.Attempted(key);
        var asked = clock.GetTimestamp();
        var outcome = LockOutcome.Error;
        Relay? relay = new(key, options, General, _services);
        try
        {
            var answer = await relay.TryAcquireAsync(cancellationToken);
            var held = clock.GetTimestamp();
            switch (answer.Kind)
            {
                case LockAnswerKind.Acquired:
                    outcome = LockOutcome.Acquired;
                    var handle = new JobLock(key, relay, () => metrics.Held(key, isFallback: false, clock.GetElapsedTime(held)));
                    relay = null;
                    return handle;
                case LockAnswerKind.Contended:
                    outcome = LockOutcome.Contended;
                    return null;
                default:
                    outcome = LockOutcome.Fallback;
                    var cap = new CancellationTokenSource(options.Cap, clock);
                    return new JobLock(key, answer.Reason ?? "unknown", cap, () => metrics.Held(key, isFallback: true, clock.GetElapsedTime(held)));
            }
        }
        catch (OperationCanceledException)
        {
            outcome = LockOutcome.Cancelled;
            throw;
        }
        finally
        {
            if (relay is not null)
            {
                await relay.DisposeAsync();
            }
            activity?.SetTag("lock.outcome", outcome);
            metrics.Finished(key, outcome, clock.GetElapsedTime(asked));
        }
    }
}
