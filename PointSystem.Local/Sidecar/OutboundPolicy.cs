namespace PointSystem.Local.Sidecar;

/// <summary>The resiliency policy of one component: its timeout inside its circuit breaker, as daprd nests them. Never a retry.</summary>
internal sealed class OutboundPolicy(TimeSpan? timeout, CircuitBreaker? breaker, TimeProvider clock)
{
    /// <summary>No policy at all.</summary>
    public static OutboundPolicy None { get; } = new(null, null, TimeProvider.System);

    /// <summary>Runs one call.</summary>
    /// <exception cref="BreakerRefusedException">The breaker did not let it through.</exception>
    /// <exception cref="TimeoutException">The timeout passed; whatever was sent to Redis may still happen.</exception>
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
            // Every error counts, the caller's own cancellation too: so it is in daprd.
            breaker?.Leave(generation, success);
        }
    }
}
