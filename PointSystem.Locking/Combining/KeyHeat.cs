using System.Collections.Concurrent;

namespace PointSystem.Locking.Combining;

/// <summary>Keys that showed contention lately, for the adaptive mode. Bounded: what does not fit counts as cold, which is safe.</summary>
internal sealed class KeyHeat(TimeSpan hotFor)
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, TimeSpan> _hotUntil = new(StringComparer.Ordinal);
    private TimeSpan _sweptAt;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public bool IsHot(string key, TimeSpan now)
    {
        if (!_hotUntil.TryGetValue(key, out var until))
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

    public void Mark(string key, TimeSpan now)
    {
        if (now - _sweptAt > hotFor)
        {
            _sweptAt = now;
            foreach (var (old, until) in _hotUntil)
            {
                if (until <= now)
                {
                    Remove(old, until);
                }
            }
        }
        if (_hotUntil.ContainsKey(key))
        {
            _hotUntil[key] = now + hotFor;
        }
        else if (Count < Most && _hotUntil.TryAdd(key, now + hotFor))
        {
            Interlocked.Increment(ref _count);
        }
    }

    private void Remove(string key, TimeSpan until)
    {
        if (_hotUntil.TryRemove(KeyValuePair.Create(key, until)))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
