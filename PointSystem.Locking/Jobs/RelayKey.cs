namespace PointSystem.Locking.Jobs;

/// <summary>One of the relay's two keys, as far as this process knows.</summary>
internal sealed class RelayKey(string key, TimeSpan lease, TimeProvider clock)
{
    private long _sentAt;

    public string Key { get; } = key;

    /// <summary>The owner that holds the key by our account, or null.</summary>
    public string? Owner { get; private set; }

    /// <summary>
    /// What is left of the lease, counted from before its request left; zero or less when the key is no longer to be relied on.
    /// </summary>
    public TimeSpan RemainingLease => Owner is null ? TimeSpan.Zero : lease - clock.GetElapsedTime(_sentAt);

    public void MarkHeld(string owner, long sentAt)
    {
        Owner = owner;
        _sentAt = sentAt;
    }

    /// <summary>Relies on the key no more and answers the owner to unlock it with.</summary>
    public string? Forget()
    {
        var owner = Owner;
        Owner = null;
        return owner;
    }
}
