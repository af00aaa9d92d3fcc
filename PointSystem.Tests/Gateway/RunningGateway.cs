using Microsoft.AspNetCore.Builder;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>The gateway as it is deployed, on a free port, in front of replicas whose state the test sets.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RunningGateway(WebApplication app, IReadOnlyList<Upstream> upstreams)
    {
        _app = app;
        Upstreams = upstreams;
    }

    public Uri Url => new(_app.Urls.Single());

    /// <summary>The replicas as it sees them.</summary>
    public IReadOnlyList<Upstream> Upstreams { get; }

    public static Task<RunningGateway> StartAsync(params FakeReplica[] replicas) => StartAsync([.. replicas.Select(replica => replica.Upstream)]);

    /// <param name="upstreams">The replicas, which are the caller's to dispose.</param>
    /// <param name="settings">Like <c>--Gateway:Affinity=None</c>.</param>
    public static async Task<RunningGateway> StartAsync(IReadOnlyList<Upstream> upstreams, params string[] settings)
    {
        var app = GatewayApplication.Create(["--urls", "http://127.0.0.1:0", .. settings], new ReplicaSet(upstreams));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningGateway(app, upstreams);
    }

    /// <summary>In front of the replicas of a cluster, all of which it takes for ready until it is told otherwise.</summary>
    public static Task<RunningGateway> StartAsync(LocalCluster cluster, params string[] settings) => StartAsync(
        [
            .. cluster.Replicas.Select(replica =>
            {
                var upstream = new Upstream(replica.Name, replica.Url);
                upstream.Set(UpstreamState.Ready);
                return upstream;
            }),
        ],
        settings);

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
