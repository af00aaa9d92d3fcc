using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Chooses a random mode and a random canary percentage for every command.</summary>
internal sealed class RandomModes(int seed) : ILockModeSource
{
    private static readonly LockMode[] Modes = [LockMode.Distributed, LockMode.Adaptive, LockMode.Row];

    private readonly Lock _sync = new();
    private readonly Random _random = new(seed);

    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            return ValueTask.FromResult(Canary.Includes(affinity, _random.Next(101)) ? Modes[_random.Next(Modes.Length)] : LockMode.Row);
        }
    }
}

/// <summary>One replica's access to the common lock store, from which the test can detach it.</summary>
internal sealed class DetachableLockStore(MemoryLockStore store) : ILockStore
{
    private volatile bool _isDetached;

    public bool IsDetached
    {
        get => _isDetached;
        set => _isDetached = value;
    }

    public Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken) =>
        IsDetached ? throw Unavailable() : store.TryLockAsync(key, owner, leaseSeconds, cancellationToken);

    public Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken) =>
        IsDetached ? throw Unavailable() : store.UnlockAsync(key, owner, cancellationToken);

    private static LockStoreException Unavailable() => new("sidecar-unavailable", isAmbiguous: true);
}

/// <summary>One mode for every command.</summary>
internal sealed class FixedMode(LockMode mode) : ILockModeSource
{
    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) => ValueTask.FromResult(mode);
}
