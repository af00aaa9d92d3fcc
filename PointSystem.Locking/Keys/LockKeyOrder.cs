namespace PointSystem.Locking.Keys;

/// <summary>
/// The total order in which every replica acquires several locks. Keys whose last segment is a number come first, by that number (so a
/// transfer acquires its locks in ascending member id, like its wallet rows), then all others; ties are broken by the whole key, ordinal.
/// </summary>
internal sealed class LockKeyOrder : IComparer<string>
{
    public static readonly LockKeyOrder Instance = new();

    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> idX = NumberOf(x), idY = NumberOf(y);
        // The two classes must not mix, otherwise "9" < "10" < "1a" < "9" would form a cycle.
        var byClass = idX.IsEmpty.CompareTo(idY.IsEmpty);
        if (byClass != 0)
        {
            return byClass;
        }
        // Without leading zeros the longer number is the greater one: no parsing, no overflow.
        var byNumber = idX.Length != idY.Length ? idX.Length.CompareTo(idY.Length) : idX.SequenceCompareTo(idY);
        return byNumber != 0 ? byNumber : string.CompareOrdinal(x, y);
    }

    private static ReadOnlySpan<char> NumberOf(string? key)
    {
        var id = key.AsSpan();
        id = id[(id.LastIndexOf(':') + 1)..];
        if (id.IsEmpty || id.ContainsAnyExceptInRange('0', '9'))
        {
            return [];
        }
        var significant = id.TrimStart('0');
        return significant.IsEmpty ? id[^1..] : significant;
    }
}
