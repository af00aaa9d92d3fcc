using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;
using PointSystem.Locking.Store;

namespace PointSystem.Locking;

/// <summary>
/// Releases locks off the caller's path: the caller's commit stands, whatever happens to the lock. A lock whose key no other replica wants
/// is kept for a while, for the next command with the same key.
/// </summary>
internal sealed class LockReleaser(
    ResilientLockStore store, LockBreaker breaker, KeyedGate gate, BackgroundWork background, IOptions<LockingOptions> options,
    LockMetrics metrics, TimeProvider clock, ILogger<LockReleaser> logger)
{
    private const int KeptMax = 50_000;
    private const int Sweepers = 16;

    // How often in the time for which a lock is kept. Calls that leave together cost the processors far less than single ones.
    private const int Sweeps = 8;

    private readonly TimeSpan _keepFor = options.Value.KeepFor;
    private readonly ConcurrentDictionary<string, KeptLock> _kept = new(StringComparer.Ordinal);
    private readonly Lock _sync = new();
    private int _keptCount;
    private bool _isSweeping;
    private bool _isStopping;
    private volatile bool _isAway;

    public void Release(LockHandle handle, KeyedGate.Turn? turn, string operation, long sentAt, long heldSince)
    {
        var held = clock.GetElapsedTime(heldSince);
        metrics.Held(operation, handle.IsFallback || handle.IsBypass || handle.IsQueued, held);
        if (handle.Owner.Length == 0)
        {
            turn?.End();
            return;
        }
        var mine = new KeptLock(
            handle.Key, handle.Owner, operation, handle.LeaseEndsAt - handle.AcquiredAt, sentAt, Activity.Current?.Context ?? default);
        if (handle.MayKeep && TryKeep(mine))
        {
            turn?.End();
            return;
        }
        turn?.Ending();
        background.Run(_ => ReleaseAsync(mine, turn));
    }

    /// <summary>
    /// Takes the lock of a key that this process has kept, if any. The caller must have its turn at the key. A lock that has been kept for
    /// long enough, or that the store may have lost, is released first: otherwise it would refuse its own process.
    /// </summary>
    public async ValueTask<KeptLock?> TakeKeptAsync(string key)
    {
        // While the store is away nobody asks it; the sweep releases the lock afterwards.
        if (breaker.IsOpen || !_kept.TryRemove(key, out var kept))
        {
            return null;
        }
        Interlocked.Decrement(ref _keptCount);
        var age = clock.GetElapsedTime(kept.SentAt);
        if (age >= kept.Lease)
        {
            return null;
        }
        if (age < KeepFor(kept) && !breaker.HasBeenOpenSince(kept.SentAt))
        {
            return kept;
        }
        await ReleaseAsync(kept, null);
        return null;
    }

    private TimeSpan KeepFor(KeptLock kept) => _keepFor < kept.Lease / 4 ? _keepFor : kept.Lease / 4;

    private bool TryKeep(KeptLock held)
    {
        if (clock.GetElapsedTime(held.SentAt) >= KeepFor(held) || breaker.HasBeenOpenSince(held.SentAt) || Volatile.Read(ref _keptCount) >= KeptMax)
        {
            return false;
        }
        lock (_sync)
        {
            if (_isStopping || !_kept.TryAdd(held.Key, held))
            {
                return false;
            }
            Interlocked.Increment(ref _keptCount);
            if (_isSweeping)
            {
                return true;
            }
            _isSweeping = true;
        }
        background.Run(SweepAsync);
        return true;
    }

    /// <summary>Releases what has been kept for long enough, until nothing is kept any more; at shutdown everything.</summary>
    private async Task SweepAsync(CancellationToken stopping)
    {
        // It works for no single request: each release belongs to the trace of the turn that used the lock last.
        Activity.Current = null;
        try
        {
            do
            {
                await Task.Delay(_keepFor / Sweeps, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                var due = _kept.Values.Where(kept => stopping.IsCancellationRequested || IsDue(kept));
                await Parallel.ForEachAsync(
                    due, new ParallelOptions { MaxDegreeOfParallelism = Sweepers }, async (kept, _) => await ReleaseKeptAsync(kept));
            }
            while (HasKept(stopping.IsCancellationRequested));
        }
        catch
        {
            // The next lock that is kept starts another sweep.
            lock (_sync)
            {
                _isSweeping = false;
            }
            throw;
        }
    }

    // While the store is away a lock waits for its return, or for the end of its lease.
    private bool IsDue(KeptLock kept) => clock.GetElapsedTime(kept.SentAt) >= (breaker.IsOpen ? kept.Lease : KeepFor(kept));

    private bool HasKept(bool isStopping)
    {
        lock (_sync)
        {
            _isStopping = isStopping;
            return _isSweeping = !_kept.IsEmpty;
        }
    }

    private async ValueTask ReleaseKeptAsync(KeptLock kept)
    {
        // A caller that has its turn takes the lock over.
        if (await gate.EnterAsync(kept.Key, TimeSpan.Zero, CancellationToken.None) is not { } turn)
        {
            return;
        }
        turn.Ending();
        if (!_kept.TryRemove(KeyValuePair.Create(kept.Key, kept)))
        {
            turn.End();
            return;
        }
        Interlocked.Decrement(ref _keptCount);
        // At shutdown the breaker may still be open for a store that answers again; one that does not is not asked for every lock.
        if (clock.GetElapsedTime(kept.SentAt) >= kept.Lease || (_isAway && breaker.IsOpen))
        {
            turn.End();
            return;
        }
        await ReleaseAsync(kept, turn);
    }

    private async Task ReleaseAsync(KeptLock held, KeyedGate.Turn? turn)
    {
        try
        {
            using var activity = LockMetrics.StartBelow(held.Trace, "lock release");
            var (status, reason) = await store.UnlockAsync(held.Key, held.Owner, held.Lease);
            activity?.SetTag("lock.status", status?.ToString() ?? reason);
            _isAway = status is null;
            if (status is null)
            {
                logger.ReleaseFailed(held.Key, reason ?? "unknown");
            }
            else if (status != UnlockStatus.Released && !breaker.HasBeenOpenSince(held.SentAt))
            {
                metrics.LeaseLost(held.Operation, status.Value.ToString());
                logger.LeaseLost(held.Key, status.Value.ToString(), clock.GetElapsedTime(held.SentAt));
            }
        }
        finally
        {
            // Only now: otherwise our own lock would refuse the next local caller.
            turn?.End();
        }
    }
}

/// <summary>A lock in the store that this process has acquired and not released.</summary>
/// <param name="Key">The key.</param>
/// <param name="Owner">Its owner token.</param>
/// <param name="Operation">The operation that acquired it.</param>
/// <param name="Lease">Its lease.</param>
/// <param name="SentAt">When the successful request was sent.</param>
/// <param name="Trace">The turn that used it last.</param>
internal sealed record KeptLock(string Key, string Owner, string Operation, TimeSpan Lease, long SentAt, ActivityContext Trace);
