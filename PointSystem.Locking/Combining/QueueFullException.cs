namespace PointSystem.Locking;

/// <summary>Too many commands wait already. Nothing was done; the caller should come back later.</summary>
public sealed class QueueFullException(string key, int waiting) : Exception($"{waiting} commands wait already; '{key}' takes no more for now.")
{
    /// <summary>The key that was asked for.</summary>
    public string Key { get; } = key;
}
