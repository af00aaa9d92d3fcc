namespace PointSystem.TestKit;

/// <summary>One API process with its sidecar.</summary>
public sealed class Replica
{
    private readonly Func<Replica, TimeSpan, CancellationToken, Task> _untilReady;

    internal Replica(
        string name,
        Uri url,
        ManagedProcess process,
        ManagedProcess sidecar,
        int sidecarHttpPort,
        int sidecarGrpcPort,
        Func<Replica, TimeSpan, CancellationToken, Task> untilReady)
    {
        _untilReady = untilReady;
        Name = name;
        Url = url;
        Process = process;
        Sidecar = sidecar;
        SidecarHttpPort = sidecarHttpPort;
        SidecarGrpcPort = sidecarGrpcPort;
    }

    /// <summary><c>api-1</c>, <c>api-2</c> …</summary>
    public string Name { get; }

    /// <summary>Its own address, bypassing the gateway.</summary>
    public Uri Url { get; }

    public ManagedProcess Process { get; }

    public ManagedProcess Sidecar { get; }

    public int SidecarHttpPort { get; }

    public int SidecarGrpcPort { get; }

    /// <summary>Waits until the gateway sends requests to it.</summary>
    /// <exception cref="TimeoutException">It did not become ready within <paramref name="limit"/>.</exception>
    public Task WaitUntilReadyAsync(TimeSpan limit, CancellationToken cancellationToken) => _untilReady(this, limit, cancellationToken);
}
