using System.Collections.Concurrent;

namespace PointSystem.Locking.Combining;

/// <summary>
/// Keys with recent contention. Bounded: a key that does not fit counts as uncontended, which is safe.
/// </summary>
internal sealed class ContendedKeys<TKey>(TimeSpan keepFor)
    where TKey : notnull
{
    private const int KeysMax = 10_000;

    private readonly ConcurrentDictionary<TKey, TimeSpan> _expiresAt = new();
    private TimeSpan _sweptAt;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public bool Contains(TKey key, TimeSpan now)
    {
        if (!_expiresAt.TryGetValue(key, out var until))
        {
            return false;
        }
        if (until > now)
        {
            return true;
        }
        Remove(key, until);
        return false;
    }

    public void Add(TKey key, TimeSpan now)
    {
        if (now - _sweptAt > keepFor)
        {
            _sweptAt = now;
            foreach (var (old, until) in _expiresAt)
            {
                if (until <= now)
                {
                    Remove(old, until);
                }
            }
        }
        if (_expiresAt.ContainsKey(key))
        {
            _expiresAt[key] = now + keepFor;
        }
        else if (Count < KeysMax && _expiresAt.TryAdd(key, now + keepFor))
        {
            Interlocked.Increment(ref _count);
        }
    }

    public void Remove(TKey key)
    {
        if (Count > 0 && _expiresAt.TryGetValue(key, out var until))
        {
            Remove(key, until);
        }
    }

    private void Remove(TKey key, TimeSpan until)
    {
        if (_expiresAt.TryRemove(KeyValuePair.Create(key, until)))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
