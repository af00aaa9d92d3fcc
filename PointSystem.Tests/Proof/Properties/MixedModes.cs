using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Changes its mind with every command: any mode, and for each member a canary percentage of its own.</summary>
internal sealed class FickleModes(int seed) : ILockModeSource
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

/// <summary>One replica's way to the common lock store, which can be cut.</summary>
internal sealed class OwnWay(MemoryLockStore store) : ILockStore
{
    private volatile bool _isCut;

    public bool IsCut
    {
        get => _isCut;
        set => _isCut = value;
    }

    public Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken) =>
        IsCut ? throw Away() : store.TryLockAsync(key, owner, leaseSeconds, cancellationToken);

    public Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken) =>
        IsCut ? throw Away() : store.UnlockAsync(key, owner, cancellationToken);

    private static LockStoreException Away() => new("sidecar-unavailable", isAmbiguous: true);
}

/// <summary>One mode for every command.</summary>
internal sealed class FixedMode(LockMode mode) : ILockModeSource
{
    public ValueTask<LockMode> ModeForAsync(Type commandType, long affinity, CancellationToken cancellationToken) => ValueTask.FromResult(mode);
}
