namespace PointSystem.Local.Sidecar;

/// <summary>A breaker's three states.</summary>
internal enum BreakerState
{
    Closed,
    HalfOpen,
    Open,
}

/// <summary>What a Resiliency file says of a breaker.</summary>
/// <param name="Name">The policy's name, for the log.</param>
/// <param name="MaxRequests">Calls let through while half open, and successes needed to close; at least 1.</param>
/// <param name="Interval">How often a closed breaker forgets its counts; zero never.</param>
/// <param name="OpenFor">How long it stays open before it lets a probe through.</param>
/// <param name="Trip">When a failure opens it.</param>
internal sealed record BreakerSettings(string Name, int MaxRequests, TimeSpan Interval, TimeSpan OpenFor, TripRule Trip);

/// <summary>The breaker refused the call; the message is daprd's.</summary>
internal sealed class BreakerRefusedException(string message) : Exception(message);

/// <summary>
/// Counts like the breaker in daprd: per generation (a change of state or, while closed, an interval starts a new one), and a call that
/// ends in another generation than it began in counts for nothing.
/// </summary>
internal sealed class CircuitBreaker(BreakerSettings settings, TimeProvider clock, Action<BreakerState, BreakerState> changed)
{
    private readonly Lock _gate = new();
    private BreakerState _state = BreakerState.Closed;
    private BreakerCounts _counts;
    private long _generation;
    private long _generationStart = clock.GetTimestamp();

    /// <summary>Lets a call through and names its generation.</summary>
    /// <exception cref="BreakerRefusedException">Open, or half open with all its probes out.</exception>
    public long Enter()
    {
        lock (_gate)
        {
            Advance();
            if (_state == BreakerState.Open)
            {
                throw new BreakerRefusedException("circuit breaker is open");
            }
            if (_state == BreakerState.HalfOpen && _counts.Requests >= settings.MaxRequests)
            {
                throw new BreakerRefusedException("too many requests");
            }
            _counts = _counts with { Requests = _counts.Requests + 1 };
            return _generation;
        }
    }

    /// <summary>Reports how a call let through by <see cref="Enter"/> ended.</summary>
    public void Leave(long generation, bool success)
    {
        lock (_gate)
        {
            Advance();
            if (generation != _generation)
            {
                return;
            }
            _counts = success ? _counts.Succeeded() : _counts.Failed();
            var next = (_state, success) switch
            {
                (BreakerState.Closed, false) when settings.Trip.Fires(_counts) => BreakerState.Open,
                (BreakerState.HalfOpen, false) => BreakerState.Open,
                (BreakerState.HalfOpen, true) when _counts.ConsecutiveSuccesses >= settings.MaxRequests => BreakerState.Closed,
                _ => _state,
            };
            if (next != _state)
            {
                Become(next);
            }
        }
    }

    private void Advance()
    {
        var age = clock.GetElapsedTime(_generationStart);
        if (_state == BreakerState.Open && age > settings.OpenFor)
        {
            Become(BreakerState.HalfOpen);
        }
        else if (_state == BreakerState.Closed && settings.Interval > TimeSpan.Zero && age > settings.Interval)
        {
            NewGeneration();
        }
    }

    private void Become(BreakerState next)
    {
        var before = _state;
        _state = next;
        NewGeneration();
        changed(before, next);
    }

    private void NewGeneration()
    {
        _generation++;
        _counts = default;
        _generationStart = clock.GetTimestamp();
    }
}
