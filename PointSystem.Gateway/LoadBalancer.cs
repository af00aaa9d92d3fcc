namespace PointSystem.Gateway;

/// <summary>Round robin over the replicas that are ready; where none is, over those that at least answer.</summary>
internal sealed class LoadBalancer(ReplicaSet replicas)
{
    private uint _turn;

    /// <summary>Null when there is none left to try.</summary>
    /// <param name="tried">Replicas that this request has been sent to already.</param>
    public Upstream? Next(IReadOnlyCollection<Upstream> tried)
    {
        var start = Interlocked.Increment(ref _turn);
        return Find(start, UpstreamState.Ready, tried) ?? Find(start, UpstreamState.Alive, tried);
    }

    private Upstream? Find(uint start, UpstreamState state, IReadOnlyCollection<Upstream> tried)
    {
        var upstreams = replicas.Current;
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
