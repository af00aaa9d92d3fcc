namespace PointSystem.Locking.Store;

/// <summary>The lock store failed. Contention is never reported this way.</summary>
internal sealed class LockStoreException(string reason, bool isAmbiguous, Exception? inner = null)
    : Exception($"The lock store failed: {reason}.", inner)
{
    /// <summary>A short name from a small set, suitable as a metric tag.</summary>
    public string Reason { get; } = reason;

    /// <summary>True when the request may have taken effect anyway.</summary>
    public bool IsAmbiguous { get; } = isAmbiguous;
}
