using System.Collections.Immutable;

namespace PointSystem.Gateway;

/// <summary>
/// Chooses the replica for a request, of those that are ready; where none is, of those that at least answer. A member's requests go to the first in its
/// order (<see cref="Rendezvous"/>), requests without a member to each replica in turn.
/// </summary>
/// <remarks>
/// A replica with more than <see cref="GatewayOptions.LoadBound"/> times the mean of requests in flight gets only requests of members that have some in
/// flight there; requests of other members go to the next in their order. So a hot member's requests stay together, where they share locks and commits,
/// and its neighbours, which have nothing in flight there, avoid the queue.
/// </remarks>
internal sealed class LoadBalancer(ReplicaSet replicas, GatewayOptions options, GatewayMetrics metrics)
{
    private uint _turn;

    /// <summary>
    /// Null when there is none left to try. The request counts as in flight there until <see cref="Upstream.Leave"/>.
    /// </summary>
    /// <param name="member">The member that it is about; null if that is not known.</param>
    /// <param name="tried">Replicas that this request has been sent to already.</param>
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
        // Every one is over its limit: those with room have been tried, or other requests took the room at this moment.
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

    /// <summary>The one with the highest score below that of another.</summary>
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

    /// <summary>The maximum of requests in flight at each replica in that state, the request to be sent included.</summary>
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
