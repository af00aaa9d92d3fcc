using System.Collections.Immutable;

namespace PointSystem.Gateway;

/// <summary>
/// Chooses the replica for a request: one that is ready, otherwise one that at least answers. A member's requests go to the first replica in
/// the member's order (<see cref="Rendezvous"/>), requests without a member to each replica in turn.
/// </summary>
/// <remarks>
/// A replica with more than <see cref="GatewayOptions.LoadBound"/> times the mean of requests in flight gets only requests of members that
/// already have some in flight there; requests of other members go to the next in their order. So a hot member's requests stay together, where
/// they share locks and commits, and other members avoid the queue.
/// </remarks>
internal sealed class LoadBalancer(ReplicaSet replicas, GatewayOptions options, GatewayMetrics metrics)
{
    private uint _turn;

    /// <summary>
    /// Returns null if every replica has been tried. The request counts as in flight at the replica until <see cref="Upstream.Leave"/>.
    /// </summary>
    /// <param name="member">The member of the request; null if unknown.</param>
    /// <param name="tried">The replicas that this request has already been sent to.</param>
    public Upstream? Next(long? member, IReadOnlyCollection<Upstream> tried)
    {
        var upstreams = replicas.Current;
        return member is { } id
            ? ByMember(upstreams, UpstreamState.Ready, id, tried) ?? ByMember(upstreams, UpstreamState.Alive, id, tried)
            : InTurn(upstreams, tried);
    }

    private Upstream? ByMember(ImmutableArray<Upstream> upstreams, UpstreamState state, long member, IReadOnlyCollection<Upstream> tried)
    {
        if (Following(upstreams, ulong.MaxValue, member, state, tried) is not { } first)
        {
            return null;
        }
        var limit = Limit(upstreams, state);
        for (var chosen = first; chosen is not null; chosen = Following(upstreams, chosen.ScoreOf(member), member, state, tried))
        {
            if (chosen.TryEnter(member, limit))
            {
                metrics.Sent(chosen != first ? GatewayMetrics.Spilled : IsHome(upstreams, first, member) ? GatewayMetrics.Home : GatewayMetrics.Moved);
                return chosen;
            }
        }
        // Every replica is at its limit: the others have been tried, or concurrent requests have just filled them.
        first.TryEnter(member, long.MaxValue);
        metrics.Sent(IsHome(upstreams, first, member) ? GatewayMetrics.Home : GatewayMetrics.Moved);
        return first;
    }

    private static bool IsHome(ImmutableArray<Upstream> upstreams, Upstream first, long member)
    {
        var score = first.ScoreOf(member);
        foreach (var upstream in upstreams)
        {
            if (upstream.ScoreOf(member) > score)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The replica with the highest score below the given one.</summary>
    private static Upstream? Following(
        ImmutableArray<Upstream> upstreams, ulong below, long member, UpstreamState state, IReadOnlyCollection<Upstream> tried)
    {
        Upstream? best = null;
        var bestScore = 0UL;
        foreach (var upstream in upstreams)
        {
            var score = upstream.ScoreOf(member);
            if (score < below && (best is null || score > bestScore) && upstream.State == state && !tried.Contains(upstream))
            {
                (best, bestScore) = (upstream, score);
            }
        }
        return best;
    }

    /// <summary>The maximum number of requests in flight at each replica in that state, including the request to be sent.</summary>
    private long Limit(ImmutableArray<Upstream> upstreams, UpstreamState state)
    {
        var (count, inFlight) = (0, 1L);
        foreach (var upstream in upstreams)
        {
            if (upstream.State == state)
            {
                count++;
                inFlight += upstream.InFlight;
            }
        }
        return Math.Max(options.LoadFloor, (long)Math.Ceiling(options.LoadBound * inFlight / Math.Max(count, 1)));
    }

    private Upstream? InTurn(ImmutableArray<Upstream> upstreams, IReadOnlyCollection<Upstream> tried)
    {
        var start = Interlocked.Increment(ref _turn);
        var chosen = InTurn(upstreams, start, UpstreamState.Ready, tried) ?? InTurn(upstreams, start, UpstreamState.Alive, tried);
        if (chosen is not null)
        {
            chosen.Enter();
            metrics.Sent(GatewayMetrics.Turn);
        }
        return chosen;
    }

    private static Upstream? InTurn(ImmutableArray<Upstream> upstreams, uint start, UpstreamState state, IReadOnlyCollection<Upstream> tried)
    {
        for (var i = 0u; i < upstreams.Length; i++)
        {
            var upstream = upstreams[(int)((start + i) % (uint)upstreams.Length)];
            if (upstream.State == state && !tried.Contains(upstream))
            {
                return upstream;
            }
        }
        return null;
    }
}
