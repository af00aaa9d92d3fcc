using System.Diagnostics.Metrics;

namespace PointSystem.Gateway;

/// <summary>Counts how the gateway chooses replicas.</summary>
internal sealed class GatewayMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "PointSystem.Gateway";

    /// <summary>To the replica that is the first in the member's order.</summary>
    public const string Home = "home";

    /// <summary>To the next in the member's order, because the replicas before it are not ready or could not answer.</summary>
    public const string Moved = "moved";

    /// <summary>To the next in the member's order, because the replicas before it have too many requests in flight.</summary>
    public const string Spilled = "spilled";

    /// <summary>To the replica whose turn it was: the request has no member, or affinity is off.</summary>
    public const string Turn = "turn";

    private readonly Counter<long> _requests;

    public GatewayMetrics(IMeterFactory meters)
    {
        _requests = meters.Create(MeterName).CreateCounter<long>(
            "pointsystem.gateway.requests", "{request}", "Requests sent to a replica, each repetition counted, by how the replica was chosen.");
        foreach (var choice in new[] { Home, Moved, Spilled, Turn })
        {
            _requests.Add(0, new KeyValuePair<string, object?>("choice", choice));
        }
    }

    public void Sent(string choice) => _requests.Add(1, new KeyValuePair<string, object?>("choice", choice));
}
