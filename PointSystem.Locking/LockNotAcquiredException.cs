namespace PointSystem.Locking;

/// <summary>The wait for a lock ran out while others held it. Nothing was done; the caller may try again.</summary>
public sealed class LockNotAcquiredException(string key, TimeSpan wait)
    : TimeoutException($"The lock '{key}' was not free within {wait.TotalSeconds:0.###} s.")
{
    /// <summary>The key that was contended.</summary>
    public string Key { get; } = key;

    /// <summary>The wait that ran out; zero for a single attempt.</summary>
    public TimeSpan Wait { get; } = wait;
}
