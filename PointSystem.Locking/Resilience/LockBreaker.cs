using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Polly.CircuitBreaker;

namespace PointSystem.Locking.Resilience;

/// <summary>
/// Opens and closes the pipeline's breaker by its own probes, so that no caller's request is used to test the store. Any failed call
/// starts a probe. If that fails too, the breaker opens (so a single caller pays only once) and stays open until a later probe succeeds.
/// Polly's failure ratio opens it as well, under load and for partial faults.
/// </summary>
internal sealed class LockBreaker(
    LockProbe probe, BackgroundWork background, IOptions<LockingOptions> options, LockMetrics metrics, TimeProvider clock, ILogger<LockBreaker> logger)
{
    private readonly LockingOptions _options = options.Value;
    private readonly Lock _sync = new();
    private bool _probing;
    private long? _openSince;
    private string? _reason;
    private TaskCompletionSource _closed = Completed();

    /// <summary>Polly's handle on the breaker.</summary>
    public CircuitBreakerManualControl Control { get; } = new();

    /// <summary>Polly's view of the breaker.</summary>
    public CircuitBreakerStateProvider State { get; } = new();

    /// <summary>Why locks are skipped now; null while they are in use.</summary>
    public string? Reason => Volatile.Read(ref _reason);

    public bool IsOpen => Reason is not null;

    /// <summary>Whether the store has been away since this timestamp, so that it may have lost what it was told then.</summary>
    public bool HasBeenOpenSince(long timestamp)
    {
        lock (_sync)
        {
            return IsOpen || (_openSince is { } opened && opened >= timestamp);
        }
    }

    /// <summary>Completes immediately while the breaker is closed, otherwise when it closes.</summary>
    public Task WhenClosed
    {
        get
        {
            lock (_sync)
            {
                return _closed.Task;
            }
        }
    }

    /// <summary>Reports a failed call. A probe finds out whether it was more than a single failure.</summary>
    public void Suspect(string reason) => Start(reason, isOpenAlready: false);

    /// <summary>Reports that Polly opened the breaker by its failure ratio.</summary>
    public void Opened() => Start("failure-ratio", isOpenAlready: true);

    /// <summary>Opens the breaker at once, because the warm-up has failed, before the first caller comes.</summary>
    public async Task OpenAsync(string reason)
    {
        await OpenNowAsync(reason);
        Start(reason, isOpenAlready: true);
    }

    private void Start(string reason, bool isOpenAlready)
    {
        lock (_sync)
        {
            if (_probing)
            {
                return;
            }
            _probing = true;
        }
        background.Run(stopping => ProbeAsync(reason, isOpenAlready, stopping));
    }

    private async Task ProbeAsync(string reason, bool isOpenAlready, CancellationToken stopping)
    {
        try
        {
            var fault = isOpenAlready ? reason : await probe.FindFaultAsync(_options.AttemptTimeout, _options.AttemptTimeout, stopping);
            if (fault is null && State.CircuitState == CircuitState.Closed)
            {
                return;
            }
            if (!IsOpen)
            {
                await OpenNowAsync(fault ?? "failure-ratio");
            }
            do
            {
                await Task.Delay(Jittered(_options.Breaker.ProbeInterval), clock, stopping);
            }
            while (await probe.FindFaultAsync(ProbeLimit, _options.AttemptTimeout, stopping) is not null);
            await CloseAsync();
        }
        finally
        {
            lock (_sync)
            {
                _probing = false;
            }
        }
    }

    // Long enough for the channel's keep-alive to detect a dead connection during the probe's call.
    private TimeSpan ProbeLimit => _options.AttemptTimeout > TimeSpan.FromSeconds(1) ? _options.AttemptTimeout : TimeSpan.FromSeconds(1);

    private async Task OpenNowAsync(string reason)
    {
        lock (_sync)
        {
            _openSince = clock.GetTimestamp();
            _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        Volatile.Write(ref _reason, reason);
        await Control.IsolateAsync();
        metrics.BreakerChanged(isOpen: true);
        logger.BreakerOpened(reason);
    }

    private async Task CloseAsync()
    {
        await Control.CloseAsync();
        Volatile.Write(ref _reason, null);
        metrics.BreakerChanged(isOpen: false);
        logger.BreakerClosed(clock.GetElapsedTime(_openSince!.Value));
        _closed.TrySetResult();
    }

    // Replicas that lost the same Redis should not return to it at the same moment.
    private static TimeSpan Jittered(TimeSpan interval) => interval * (0.8 + (0.4 * Random.Shared.NextDouble()));

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}
