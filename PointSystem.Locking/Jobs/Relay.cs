using Microsoft.Extensions.Logging;
using PointSystem.Locking.Resilience;
using PointSystem.Locking.Store;

namespace PointSystem.Locking.Jobs;

/// <summary>
/// The two-key relay. A process that acquires the first key and then, within its lease, the second, holds the lock for as long as it has
/// one of the two. So each key can be released and acquired again, which is the only renewal Dapr offers, while the other is held. A
/// contender may get the first key in that gap, but is refused the second and releases the first. Every attempt has its own owner, so
/// that a late message of an old attempt cannot affect a new one.
/// </summary>
internal sealed class Relay(string key, JobLockOptions options, LockingOptions general, RelayServices services) : IAsyncDisposable
{
    private const string NotRenewed = "NotRenewed";

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _clock = services.Clock;
    private readonly RelayKey _first = new(key, options.Lease, services.Clock);
    private readonly RelayKey _second = new(key + ":relay", options.Lease, services.Clock);
    private readonly long _since = services.Clock.GetTimestamp();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _lost = new(options.Lease, services.Clock);
    private Task _watchdog = Task.CompletedTask;
    private bool _isLossReported;
    private volatile bool _isCapNext;

    public CancellationToken Lost => _lost.Token;

    private TimeSpan Age => _clock.GetElapsedTime(_since);

    /// <summary>Makes one attempt at both keys. If it succeeds, renewals have started; otherwise the caller disposes the relay.</summary>
    public async Task<LockAnswer> TryAcquireAsync(CancellationToken cancellationToken)
    {
        var answer = await TryAsync(_first, cancellationToken);
        if (answer.Kind == LockAnswerKind.Acquired)
        {
            answer = await TryAsync(_second, cancellationToken);
        }
        if (answer.Kind == LockAnswerKind.Acquired && _first.RemainingLease <= TimeSpan.Zero)
        {
            // The second key was granted after the first had ended, so it proves nothing: a holder may have been renewing.
            return new LockAnswer(LockAnswerKind.Contended, null);
        }
        if (answer.Kind == LockAnswerKind.Acquired)
        {
            Arm();
            _watchdog = Task.Run(WatchAsync, CancellationToken.None);
        }
        return answer;
    }

    /// <summary>Stops the watchdog, waits for it, and releases what is held.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watchdog;
        _lost.CancelAfter(Timeout.InfiniteTimeSpan);
        // The second key goes first: then a contender that gets the first key in between is refused only once.
        foreach (var relayKey in new[] { _second, _first })
        {
            if (await ReleaseAsync(relayKey) is { } status)
            {
                ReportLoss(status);
            }
        }
        _stop.Dispose();
        _lost.Dispose();
    }

    /// <summary>Repeatedly renews the key that ends first. Stops with the hold, on loss and at the cap; nothing else renews.</summary>
    private async Task WatchAsync()
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, _lost.Token);
        try
        {
            do
            {
                await Task.Delay(options.RenewalInterval, _clock, ending.Token);
            }
            while (await (_first.RemainingLease <= _second.RemainingLease
                ? RenewAsync(_first, _second, ending.Token)
                : RenewAsync(_second, _first, ending.Token)));
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            if (!_stop.IsCancellationRequested)
            {
                ReportTimeUp();
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Nothing awaits the watchdog before the hold ends, and the work must not continue without it.
            services.Logger.RenewalFailed(failure, key);
            Lose("RenewalFailed");
        }
    }

    private async Task<bool> RenewAsync(RelayKey due, RelayKey standing, CancellationToken cancellationToken)
    {
        var outcome = RenewalOutcome.Stopped;
        try
        {
            var lost = await ReleaseAsync(due) ?? await ReacquireAsync(due, standing, cancellationToken);
            outcome = lost is null ? RenewalOutcome.Renewed : RenewalOutcome.Lost;
            if (lost is not null)
            {
                Lose(lost);
            }
            return lost is null;
        }
        finally
        {
            var isTimeUp = outcome == RenewalOutcome.Stopped && !_stop.IsCancellationRequested && !_isCapNext;
            services.JobMetrics.Renewed(key, isTimeUp ? RenewalOutcome.Lost : outcome);
        }
    }

    private async Task<string?> ReacquireAsync(RelayKey due, RelayKey standing, CancellationToken cancellationToken)
    {
        for (var pause = PauseMin; ; pause = Jitter.Next(pause, PauseMin, PauseMax))
        {
            var answer = await TryAsync(due, cancellationToken);
            if (answer.Kind != LockAnswerKind.Acquired)
            {
                // A contender that is about to release the key, our own unlock still on its way, or an unavailable store.
                await Task.Delay(pause, _clock, cancellationToken);
                continue;
            }
            if (standing.RemainingLease <= TimeSpan.Zero)
            {
                // This process was paused, and another may have held both keys in the gap.
                return NotRenewed;
            }
            Arm();
            return null;
        }
    }

    private async Task<LockAnswer> TryAsync(RelayKey relayKey, CancellationToken cancellationToken)
    {
        var owner = LockOwner.New(general);
        // Taken before the request is sent: the store's lease starts later, so it never ends before ours.
        var sentAt = _clock.GetTimestamp();
        var answer = await services.Store.TryLockAsync(relayKey.Key, owner, options.Lease, cancellationToken);
        if (answer.Kind == LockAnswerKind.Acquired)
        {
            relayKey.MarkHeld(owner, sentAt);
        }
        return answer;
    }

    /// <summary>
    /// Releases a key. The result is not null if the store had lost a hold that should still exist; then it may have lost the other one
    /// as well.
    /// </summary>
    private async Task<string?> ReleaseAsync(RelayKey relayKey)
    {
        var left = relayKey.RemainingLease;
        var asked = _clock.GetTimestamp();
        if (relayKey.Forget() is not { } owner)
        {
            return null;
        }
        // From just before the request is sent only the other key counts. The call is not cancellable: it has its own deadline, and an
        // unanswered unlock is retried in the background.
        if (!_stop.IsCancellationRequested)
        {
            Arm();
        }
        var (status, _) = await services.Store.UnlockAsync(relayKey.Key, owner, options.Lease);
        return status is UnlockStatus.DoesNotExist or UnlockStatus.BelongsToOthers && left > _clock.GetElapsedTime(asked) ? status.ToString() : null;
    }

    /// <summary>Sets the time of the loss: a margin before the last lease ends by our own measurement, or the cap.</summary>
    private void Arm()
    {
        var last = _first.RemainingLease > _second.RemainingLease ? _first.RemainingLease : _second.RemainingLease;
        var left = last - general.LeaseMargin;
        var untilCap = options.Cap - Age;
        _isCapNext = untilCap <= left;
        var lossIn = _isCapNext ? untilCap : left;
        _lost.CancelAfter(lossIn > TimeSpan.Zero ? lossIn : TimeSpan.Zero);
    }

    private void ReportTimeUp()
    {
        if (_isCapNext)
        {
            services.Logger.JobLockCapped(key, Age);
        }
        else
        {
            ReportLoss(NotRenewed);
        }
    }

    private void Lose(string status)
    {
        ReportLoss(status);
        // Not awaited: the work's cancellation handlers may wait for this watchdog to end.
        _ = _lost.CancelAsync();
    }

    private void ReportLoss(string status)
    {
        if (!_isLossReported)
        {
            _isLossReported = true;
            services.Metrics.LeaseLost(key, status);
            services.Logger.JobLockLost(key, status, Age);
        }
    }
}

/// <summary>The services that all relays of a process share.</summary>
internal sealed record RelayServices(ResilientLockStore Store, LockMetrics Metrics, JobLockMetrics JobMetrics, TimeProvider Clock, ILogger Logger);
