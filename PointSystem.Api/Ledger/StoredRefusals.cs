using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Ledger;

/// <summary>
/// Counts the refusals that this replica stores for idempotency keys, by caller. They take space and have no other effect, so that one caller
/// could fill the table with them.
/// </summary>
/// <remarks>
/// Not a token bucket: requests that are under way when the limit is reached store their refusals as well, and must count. So a caller stores at
/// most the limit and what it had under way in each window. Only callers that have been refused in this window take memory.
/// </remarks>
internal sealed class StoredRefusals(IOptions<RateLimitOptions> options, TimeProvider clock)
{
    private readonly RateLimit _limit = options.Value.RefusedKeys;
    private volatile Window _window = new(clock.GetTimestamp());

    /// <summary>How long the caller must wait before it may use idempotency keys again; null if it need not wait.</summary>
    public TimeSpan? WaitOf(string caller)
    {
        var window = _window;
        if (_limit.Requests == 0 || !window.Refusals.TryGetValue(caller, out var refusals) || refusals < _limit.Requests)
        {
            return null;
        }

        var left = _limit.Window - clock.GetElapsedTime(window.BeganAt);
        return left > TimeSpan.Zero ? left : null;
    }

    /// <summary>The caller's refusal was stored.</summary>
    public void Count(string caller)
    {
        if (_limit.Requests == 0)
        {
            return;
        }

        var window = _window;
        if (clock.GetElapsedTime(window.BeganAt) >= _limit.Window)
        {
            var next = new Window(clock.GetTimestamp());
            var current = Interlocked.CompareExchange(ref _window, next, window);
            window = current == window ? next : current;
        }

        window.Refusals.AddOrUpdate(caller, 1, static (_, count) => count + 1);
    }

    private sealed record Window(long BeganAt)
    {
        public ConcurrentDictionary<string, int> Refusals { get; } = new(StringComparer.Ordinal);
    }
}
