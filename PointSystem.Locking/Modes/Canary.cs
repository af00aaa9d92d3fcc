namespace PointSystem.Locking;

/// <summary>
/// Which part of all ids a percentage means: the same on every replica and after every restart, and a higher one only adds ids.
/// </summary>
public static class Canary
{
    /// <param name="id">Such as a member id.</param>
    /// <param name="percent">0 … 100.</param>
    public static bool Includes(long id, int percent)
    {
        // SplitMix64's finish: ids that follow each other spread evenly. Fixed for ever, as string.GetHashCode is not.
        unchecked
        {
            var hash = (ulong)id + 0x9E3779B97F4A7C15UL;
            hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9UL;
            hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBUL;
            hash ^= hash >> 31;
            return (int)(hash % 100) < percent;
        }
    }
}
