using System.Collections.Concurrent;
using PointSystem.Locking.Store;

namespace PointSystem.Tests.Locking;

/// <summary>Dapr's lock semantics in memory, shared by the replicas of a test, with injected faults. Leases end by the given clock.</summary>
internal sealed class MemoryLockStore(TimeProvider clock) : ILockStore
{
    private readonly Dictionary<string, (string Owner, long Since, int Seconds)> _held = new(StringComparer.Ordinal);
    private readonly Lock _sync = new();

    /// <summary>Runs before every call, with the name of the call; may throw or wait.</summary>
    public Func<string, CancellationToken, Task>? Before { get; set; }

    /// <summary>Runs after a TryLock has been applied; may throw or wait.</summary>
    public Func<CancellationToken, Task>? AfterTryLock { get; set; }

    /// <summary>The requested keys in order, without probes.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    public ConcurrentBag<string> Owners { get; } = [];

    public bool IsHeld(string key)
    {
        lock (_sync)
        {
            return Holder(key) is not null;
        }
    }

    /// <summary>The owner that holds the key, or null if it is free.</summary>
    public string? OwnerOf(string key)
    {
        lock (_sync)
        {
            return Holder(key);
        }
    }

    /// <summary>Deletes all locks, like FLUSHALL in Redis.</summary>
    public void Forget()
    {
        lock (_sync)
        {
            _held.Clear();
        }
    }

    public async Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken)
    {
        await (Before?.Invoke("try_lock", cancellationToken) ?? Task.CompletedTask);
        if (!key.StartsWith("probe:", StringComparison.Ordinal))
        {
            Asked.Enqueue(key);
            Owners.Add(owner);
        }
        bool taken;
        lock (_sync)
        {
            taken = Holder(key) is null;
            if (taken)
            {
                _held[key] = (owner, clock.GetTimestamp(), leaseSeconds);
            }
        }
        await (AfterTryLock?.Invoke(cancellationToken) ?? Task.CompletedTask);
        return taken;
    }

    public async Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken)
    {
        await (Before?.Invoke("unlock", cancellationToken) ?? Task.CompletedTask);
        lock (_sync)
        {
            if (Holder(key) is not { } holder)
            {
                return UnlockStatus.DoesNotExist;
            }
            if (holder != owner)
            {
                return UnlockStatus.BelongsToOthers;
            }
            _held.Remove(key);
            return UnlockStatus.Released;
        }
    }

    private string? Holder(string key) =>
        _held.TryGetValue(key, out var held) && clock.GetElapsedTime(held.Since) < TimeSpan.FromSeconds(held.Seconds) ? held.Owner : null;
}
