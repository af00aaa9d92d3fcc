namespace PointSystem.Locking.Jobs;

/// <summary>One of the relay's two keys, as this process knows it.</summary>
internal sealed class RelayKey(string key, TimeSpan lease, TimeProvider clock)
{
    private long _sentAt;

    public string Key { get; } = key;

    /// <summary>The owner that this process believes holds the key, or null.</summary>
    public string? Owner { get; private set; }

    /// <summary>
    /// The remaining lease, counted from before its request was sent; zero or less when the key must no longer be relied on.
    /// </summary>
    public TimeSpan RemainingLease => Owner is null ? TimeSpan.Zero : lease - clock.GetElapsedTime(_sentAt);

    public void MarkHeld(string owner, long sentAt)
    {
        Owner = owner;
        _sentAt = sentAt;
    }

    /// <summary>Stops relying on the key and returns the owner to unlock it with.</summary>
    public string? Forget()
    {
        var owner = Owner;
        Owner = null;
        return owner;
    }
}
