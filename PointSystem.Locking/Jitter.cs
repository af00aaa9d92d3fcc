namespace PointSystem.Locking;

/// <summary>Decorrelated jitter: the next pause is random between the least and three times the last one, capped.</summary>
internal static class Jitter
{
    public static TimeSpan Next(TimeSpan last, TimeSpan least, TimeSpan most)
    {
        var upper = last * 3 < most ? last * 3 : most;
        return upper <= least ? least : least + ((upper - least) * Random.Shared.NextDouble());
    }
}
