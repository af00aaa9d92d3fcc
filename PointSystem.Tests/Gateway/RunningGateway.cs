using Microsoft.AspNetCore.Builder;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>The gateway as it is deployed, on a free port, in front of replicas whose state the test sets.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private RunningGateway(WebApplication app) => _app = app;

    public Uri Url => new(_app.Urls.Single());

    public static async Task<RunningGateway> StartAsync(params FakeReplica[] replicas)
    {
        var app = GatewayApplication.Create(["--urls", "http://127.0.0.1:0"], new ReplicaSet(replicas.Select(replica => replica.Upstream)));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningGateway(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
