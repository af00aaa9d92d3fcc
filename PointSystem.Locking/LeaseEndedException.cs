namespace PointSystem.Locking;

/// <summary>
/// The work took longer than its lease allows, so it was cancelled before the lease ended. Its transaction must have been rolled back.
/// </summary>
public sealed class LeaseEndedException(IReadOnlyList<string> keys, Exception? inner = null)
    : TimeoutException($"The work under {string.Join(" and ", keys)} was cancelled before its lease ended.", inner)
{
    /// <summary>The keys the work ran under.</summary>
    public IReadOnlyList<string> Keys { get; } = keys;
}
