namespace PointSystem.Locking;

/// <summary>
/// The pause between two attempts on a contended key. The fewer keys this process polls, the shorter the pause: a hot key changes hands
/// quickly, and a thousand contended keys do not become a storm of calls.
/// </summary>
/// <remarks>
/// The process that polls most often is the likeliest to be next. So a process that has waited about as long as a turn at the key takes
/// (<see cref="LongWait"/>) polls more often than a newcomer. One that has waited far longer (<see cref="HolderGoneAfter"/>) polls
/// seldom, because then the holder is gone and only the end of its lease can help.
/// </remarks>
internal sealed class PollPace(LockingOptions options)
{
    public static readonly TimeSpan LongWait = TimeSpan.FromMilliseconds(80);
    public static readonly TimeSpan HolderGoneAfter = TimeSpan.FromSeconds(1);

    private const int NewcomerFactor = 4;
    private const int LongWaitFactor = 2;

    private int _keys;

    /// <summary>Number of keys that are being polled now.</summary>
    public int Keys => Volatile.Read(ref _keys);

    /// <summary>
    /// The pause of a process that hands a key over. Long enough for every other process that waits for it, with about as many waits as
    /// this one, to try at least once.
    /// </summary>
    public TimeSpan HandOver => Bounds(TimeSpan.Zero, Keys + 1).Max + options.PollMin;

    /// <summary>Registers a polled key, until the result is disposed.</summary>
    public Poll Start()
    {
        Interlocked.Increment(ref _keys);
        return new Poll(this);
    }

    /// <summary>Bounds of the next pause, within <see cref="LockingOptions.PollMin"/> and <see cref="LockingOptions.PollMax"/>.</summary>
    internal (TimeSpan Min, TimeSpan Max) Bounds(TimeSpan waited, int keys)
    {
        if (waited >= HolderGoneAfter)
        {
            return (options.PollMin, options.PollMax);
        }
        var max = options.PollMin * (waited >= LongWait ? LongWaitFactor : NewcomerFactor) * keys;
        return (options.PollMin, max < options.PollMax ? max : options.PollMax);
    }

    /// <summary>The pauses of one key, with decorrelated jitter.</summary>
    internal sealed class Poll(PollPace pace) : IDisposable
    {
        private TimeSpan _last = pace.Bounds(TimeSpan.Zero, 1).Min;

        public TimeSpan Next(TimeSpan waited)
        {
            var (min, max) = pace.Bounds(waited, pace.Keys);
            return _last = Jitter.Next(_last, min, max);
        }

        public void Dispose() => Interlocked.Decrement(ref pace._keys);
    }
}
