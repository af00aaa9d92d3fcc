using PointSystem.Local.Gateway;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Cluster;

/// <summary>One API process with its sidecar.</summary>
public sealed class Replica
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private readonly Upstream _upstream;

    internal Replica(Upstream upstream, ManagedProcess process, ManagedProcess sidecar, int sidecarHttpPort, int sidecarGrpcPort)
    {
        _upstream = upstream;
        Process = process;
        Sidecar = sidecar;
        SidecarHttpPort = sidecarHttpPort;
        SidecarGrpcPort = sidecarGrpcPort;
    }

    /// <summary><c>api-1</c>, <c>api-2</c> …</summary>
    public string Name => _upstream.Name;

    /// <summary>Its own address, past the gateway.</summary>
    public Uri Url => _upstream.Url;

    public ManagedProcess Process { get; }

    public ManagedProcess Sidecar { get; }

    public int SidecarHttpPort { get; }

    public int SidecarGrpcPort { get; }

    /// <summary>Whether the gateway sends requests to it.</summary>
    public bool IsReady => _upstream.State == UpstreamState.Ready;

    /// <summary>Stops it in order and starts it again; done when the gateway sends requests to it.</summary>
    /// <exception cref="LocalException">It did not come back.</exception>
    internal async Task RestartAsync(CancellationToken cancellationToken)
    {
        await Process.RestartAsync(cancellationToken);
        await WaitUntilReadyAsync(ReadyLimit, cancellationToken);
    }

    /// <summary>Waits until the gateway sends requests to it.</summary>
    /// <exception cref="TimeoutException">It did not become ready within <paramref name="limit"/>.</exception>
    public Task WaitUntilReadyAsync(TimeSpan limit, CancellationToken cancellationToken) => _upstream.WaitForAsync(UpstreamState.Ready, limit, cancellationToken);
}
