namespace PointSystem.Locking;

/// <summary>
/// Selects the ids of a percentage: the same on every replica and after every restart; a higher percentage only adds ids.
/// </summary>
public static class Canary
{
    /// <param name="id">For example a member id.</param>
    /// <param name="percent">0 … 100.</param>
    public static bool Includes(long id, int percent)
    {
        // SplitMix64's finalizer: consecutive ids spread evenly. Stable forever, unlike string.GetHashCode.
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
