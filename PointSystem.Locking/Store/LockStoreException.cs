namespace PointSystem.Locking.Store;

/// <summary>The lock store could not do its work. Contention is never one of these.</summary>
internal sealed class LockStoreException(string reason, bool isAmbiguous, Exception? inner = null)
    : Exception($"The lock store failed: {reason}.", inner)
{
    /// <summary>A short name out of a small set, fit for a metric's tag.</summary>
    public string Reason { get; } = reason;

    /// <summary>True when the request may have taken effect all the same.</summary>
    public bool IsAmbiguous { get; } = isAmbiguous;
}
