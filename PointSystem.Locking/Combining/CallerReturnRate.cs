namespace PointSystem.Locking.Combining;

/// <summary>
/// Measures whether the callers of a key ask again as soon as they are answered. If they do, a leader keeps the key for a while even
/// though other replicas want it too. If they do not, all relevant commands are already queued, here or at another replica. Not
/// thread-safe.
/// </summary>
/// <param name="window">A caller that asks within this time after the answers counts as returning.</param>
internal sealed class CallerReturnRate(TimeSpan window)
{
    private const double Majority = 0.5;
    private const double Weight = 0.5;

    private double _rate;
    private int _answered;
    private int _returned;
    private TimeSpan _windowEndsAt;

    /// <summary>Whether at least half of the answered callers returned in time, averaged over the last batches.</summary>
    public bool IsHigh => _rate >= Majority;

    /// <summary>Records that <paramref name="callers"/> callers got their answers. A single caller says nothing.</summary>
    public void Answered(int callers, TimeSpan now)
    {
        if (callers < 2 || (now < _windowEndsAt && callers < _answered))
        {
            return;
        }
        if (_answered > 0)
        {
            _rate += (Math.Min(1, _returned / (double)_answered) - _rate) * Weight;
        }
        _answered = callers;
        _returned = 0;
        _windowEndsAt = now + window;
    }

    /// <summary>Records that a caller asks.</summary>
    public void Arrived(TimeSpan now)
    {
        if (now < _windowEndsAt)
        {
            _returned++;
        }
    }
}
