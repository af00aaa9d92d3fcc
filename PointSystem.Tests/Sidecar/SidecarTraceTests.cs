using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;
using PointSystem.Local.Sidecar;

namespace PointSystem.Tests.Sidecar;

/// <summary>The sidecar continues a caller's trace down to Redis. It runs in this process, because a test cannot listen to another process.</summary>
public sealed class SidecarTraceTests : IDisposable
{
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly ActivityListener _listener;

    public SidecarTraceTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == SidecarTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task Call_WithTraceparent_HasASpanOfThatTraceForEachRedisCommand()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        var folder = Directory.CreateTempSubdirectory("sidecar-trace-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "lockstore.yaml"), Manifests.LockStore(redisHost: redis.Address), Token);
        var flags = new SidecarFlags
        {
            AppId = "points",
            HttpPort = Ports.Next(),
            GrpcPort = Ports.Next(),
            ResourcesPaths = [folder.FullName],
        };
        await using var sidecar = await SidecarHost.CreateAsync(flags, Token);
        await sidecar.StartAsync(Token);
        var (overGrpc, overHttp) = (ActivityTraceId.CreateRandom(), ActivityTraceId.CreateRandom());

        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{flags.GrpcPort}");
        await new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(channel).TryLockAlpha1Async(
            new TryLockRequest { StoreName = "lockstore", ResourceId = "r", LockOwner = "o", ExpiryInSeconds = 60 },
            new Metadata { { "traceparent", Traceparent(overGrpc) } },
            cancellationToken: Token);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{flags.HttpPort}/v1.0-alpha1/unlock/lockstore")
        {
            Headers = { { "traceparent", Traceparent(overHttp) } },
            Content = JsonContent.Create(new { resourceId = "r", lockOwner = "o" }),
        };
        using var answer = await http.SendAsync(request, Token);

        var set = Assert.Single(_spans, span => span.TraceId == overGrpc);
        Assert.Equal(("SET", ActivityKind.Client), (set.OperationName, set.Kind));
        Assert.Equal("redis", set.GetTagItem("db.system.name"));
        Assert.Equal("SET", set.GetTagItem("db.operation.name"));
        Assert.Equal(redis.Port, set.GetTagItem("server.port"));
        var unlock = Assert.Single(_spans, span => span.TraceId == overHttp);
        Assert.Equal("EVAL", unlock.OperationName);
        await sidecar.StopAsync(Token);
        folder.Delete(recursive: true);
    }

    private static string Traceparent(ActivityTraceId trace) => $"00-{trace}-{ActivitySpanId.CreateRandom()}-01";
}
