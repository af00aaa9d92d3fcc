namespace PointSystem.Api.Caching;

/// <summary>
/// The newest balances that this replica has written or read, each for at least the TTL. A read on this replica is never older than its own writes:
/// they are here before their answers are sent.
/// </summary>
/// <remarks>
/// Two generations instead of a cache of a library: one that is full drops what is added, or something old, and here a dropped write would be a
/// broken promise. Writes are as many as this replica can commit in two TTLs; what can be large, the lots, is limited.
/// </remarks>
internal sealed class BalanceTable(TimeProvider time, TimeSpan ttl)
{
    // About 40 MB.
    private const int LotsMax = 200_000;
    private const int ReadsMax = 50_000;

    private readonly Lock _gate = new();
    private Dictionary<long, CachedBalance> _young = [];
    private Dictionary<long, CachedBalance> _old = [];
    private long _turnedAt = time.GetTimestamp();
    private int _lots;

    /// <summary>The newest known value of a member; null if there is none.</summary>
    public CachedBalance? Find(long member)
    {
        lock (_gate)
        {
            return FindLocked(member);
        }
    }

    /// <summary>Adds a value that was read, unless a better one is known, or the table is full.</summary>
    public void AddRead(CachedBalance value)
    {
        lock (_gate)
        {
            Turn();
            if (_young.Count < ReadsMax && _lots + value.Lots.Count <= LotsMax)
            {
                AddLocked(value);
            }
        }
    }

    /// <summary>Adds the value after a write of this replica, made of the value before it, and returns it.</summary>
    public CachedBalance AddWrite(long member, Func<CachedBalance?, CachedBalance> change)
    {
        lock (_gate)
        {
            Turn();
            var value = change(FindLocked(member));
            AddLocked(_lots + value.Lots.Count <= LotsMax ? value : value with { Lots = [], IsComplete = false });
            return value;
        }
    }

    private CachedBalance? FindLocked(long member) => _young.GetValueOrDefault(member) ?? _old.GetValueOrDefault(member);

    private void AddLocked(CachedBalance value)
    {
        if (FindLocked(value.MemberId) is { } known && !known.IsBehind(value))
        {
            return;
        }

        _lots += value.Lots.Count - (_young.GetValueOrDefault(value.MemberId)?.Lots.Count ?? 0);
        _young[value.MemberId] = value;
    }

    private void Turn()
    {
        if (time.GetElapsedTime(_turnedAt) >= ttl)
        {
            (_old, _young, _lots, _turnedAt) = (_young, [], 0, time.GetTimestamp());
        }
    }
}
