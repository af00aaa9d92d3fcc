namespace PointSystem.Locking.Combining;

/// <summary>
/// Learns whether callers of a key ask again as soon as they are answered. If they do, a leader whose key other replicas want too keeps it
/// for a while; if they do not, the commands that matter are already queued, here or at another replica. Not thread-safe.
/// </summary>
/// <param name="window">How soon is at once.</param>
internal sealed class CallerReturnRate(TimeSpan window)
{
    private const double Majority = 0.5;
    private const double Weight = 0.5;

    private double _rate;
    private int _answered;
    private int _returned;
    private TimeSpan _windowEndsAt;

    /// <summary>Whether at least half of the callers that were answered came back at once, averaged over the last batches.</summary>
    public bool IsHigh => _rate >= Majority;

    /// <summary>So many callers have their answers. Of one alone nothing is learnt.</summary>
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

    /// <summary>A caller asks.</summary>
    public void Arrived(TimeSpan now)
    {
        if (now < _windowEndsAt)
        {
            _returned++;
        }
    }
}
