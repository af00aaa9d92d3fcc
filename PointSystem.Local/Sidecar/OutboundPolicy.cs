namespace PointSystem.Local.Sidecar;

/// <summary>The resiliency policy of one component: its timeout inside its circuit breaker, nested as in daprd. Never a retry.</summary>
internal sealed class OutboundPolicy(TimeSpan? timeout, CircuitBreaker? breaker, TimeProvider clock)
{
    /// <summary>No policy.</summary>
    public static OutboundPolicy None { get; } = new(null, null, TimeProvider.System);

    /// <summary>Runs one call.</summary>
    /// <exception cref="BreakerRefusedException">The breaker refused the call.</exception>
    /// <exception cref="TimeoutException">The timeout expired; a command that was sent to Redis may still take effect.</exception>
    public async Task<T> ExecuteAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        var generation = breaker?.Enter() ?? 0;
        var success = false;
        try
        {
            var running = call(cancellationToken);
            var result = await (timeout is { } limit ? running.WaitAsync(limit, clock, cancellationToken) : running);
            success = true;
            return result;
        }
        finally
        {
            // As in daprd, every error counts, including the caller's own cancellation.
            breaker?.Leave(generation, success);
        }
    }
}
