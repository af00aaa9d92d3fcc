namespace PointSystem.Locking;

/// <summary>
/// Decorrelated jitter: the next pause is random between the minimum and three times the last one, capped at the maximum.
/// </summary>
internal static class Jitter
{
    public static TimeSpan Next(TimeSpan last, TimeSpan min, TimeSpan max)
    {
        var upper = last * 3 < max ? last * 3 : max;
        return upper <= min ? min : min + ((upper - min) * Random.Shared.NextDouble());
    }
}
