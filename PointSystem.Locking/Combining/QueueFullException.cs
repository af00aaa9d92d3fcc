namespace PointSystem.Locking;

/// <summary>Too many commands are already waiting. Nothing was done; the caller should retry later.</summary>
public sealed class QueueFullException(string key, int waiting) : Exception($"{waiting} commands are already waiting; '{key}' accepts no more for now.")
{
    /// <summary>The requested key.</summary>
    public string Key { get; } = key;
}
