namespace PointSystem.Local.Sidecar;

/// <summary>The states of a breaker.</summary>
internal enum BreakerState
{
    Closed,
    HalfOpen,
    Open,
}

/// <summary>The settings of a breaker in a Resiliency file.</summary>
/// <param name="Name">The policy's name, for the log.</param>
/// <param name="MaxRequests">Calls admitted while half open, and successes needed to close; at least 1.</param>
/// <param name="Interval">How often a closed breaker resets its counts; zero = never.</param>
/// <param name="OpenFor">How long it stays open before it admits a probe.</param>
/// <param name="Trip">The rule by which a failure opens it.</param>
internal sealed record BreakerSettings(string Name, int MaxRequests, TimeSpan Interval, TimeSpan OpenFor, TripRule Trip);

/// <summary>The breaker refused the call; the message is the same as daprd's.</summary>
internal sealed class BreakerRefusedException(string message) : Exception(message);

/// <summary>
/// Counts like daprd's breaker, per generation: a change of state starts a new one, and so does an interval while closed. A call that
/// ends in another generation than it started in does not count.
/// </summary>
internal sealed class CircuitBreaker(BreakerSettings settings, TimeProvider clock, Action<BreakerState, BreakerState> changed)
{
    private readonly Lock _gate = new();
    private BreakerState _state = BreakerState.Closed;
    private BreakerCounts _counts;
    private long _generation;
    private long _generationStart = clock.GetTimestamp();

    /// <summary>Admits a call and returns its generation.</summary>
    /// <exception cref="BreakerRefusedException">Open, or half open with all probes in use.</exception>
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

    /// <summary>Reports the result of a call admitted by <see cref="Enter"/>.</summary>
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
