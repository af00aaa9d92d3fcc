namespace PointSystem.Locking.Combining;

/// <summary>Event counts of the last minute, in buckets of one second.</summary>
internal sealed class RecentRates
{
    private const int Seconds = 60;

    private static readonly int Kinds = Enum.GetValues<RateKind>().Length;

    private readonly Lock _sync = new();
    private readonly long[] _second = new long[Seconds];
    private readonly long[,] _counts = new long[Seconds, Kinds];

    public void Add(RateKind kind, TimeSpan now, long count = 1)
    {
        var second = now.Ticks / TimeSpan.TicksPerSecond;
        var slot = (int)(second % Seconds);
        lock (_sync)
        {
            if (_second[slot] != second)
            {
                _second[slot] = second;
                for (var other = 0; other < Kinds; other++)
                {
                    _counts[slot, other] = 0;
                }
            }
            _counts[slot, (int)kind] += count;
        }
    }

    public CombiningRates Read(TimeSpan now)
    {
        var oldest = (now.Ticks / TimeSpan.TicksPerSecond) - Seconds;
        Span<long> sums = stackalloc long[Kinds];
        lock (_sync)
        {
            for (var slot = 0; slot < Seconds; slot++)
            {
                for (var kind = 0; kind < Kinds && _second[slot] > oldest; kind++)
                {
                    sums[kind] += _counts[slot, kind];
                }
            }
        }
        return new CombiningRates(
            sums[(int)RateKind.Executed], sums[(int)RateKind.RowOnly], sums[(int)RateKind.Failed], sums[(int)RateKind.TimedOut], sums[(int)RateKind.Cancelled],
            sums[(int)RateKind.Refused], sums[(int)RateKind.Batch], sums[(int)RateKind.Turn], sums[(int)RateKind.Fallback],
            sums[(int)RateKind.Unlocked], sums[(int)RateKind.Queued], sums[(int)RateKind.Bypass]);
    }
}

internal enum RateKind
{
    Executed,
    RowOnly,
    Failed,
    TimedOut,
    Cancelled,
    Refused,
    Batch,
    Turn,
    Fallback,
    Unlocked,
    Queued,
    Bypass,
}
