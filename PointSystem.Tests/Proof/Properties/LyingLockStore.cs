using PointSystem.Locking.Store;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Grants every lock to every caller at once, which is the worst case of broken leases.</summary>
internal sealed class LyingLockStore : ILockStore
{
    public Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken) => Task.FromResult(true);

    public Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken) => Task.FromResult(UnlockStatus.Released);
}
