using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace PointSystem.Tests.Sidecar;

/// <summary>Behaviour of the stand-in alone: how it starts, what it refuses, how it ends.</summary>
public sealed class StandInProcessTests : SidecarSuite<StandIn>
{
    [Fact]
    public async Task Start_Ready_SaysThatItIsNotDaprAndWhereItListens()
    {
        await using var sidecar = await StartAsync(redis: null);

        await Eventually.SaysAsync(() => sidecar.Process.Output, $"ready: HTTP on {sidecar.HttpPort}, gRPC on {sidecar.GrpcPort}");
        await Eventually.SaysAsync(() => sidecar.Process.Output, "stand-in for Dapr's lock API only. It is not Dapr");
    }

    [Fact]
    public async Task StandardInput_Closed_StopsTheProcess()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore());

        sidecar.Process.CloseInput();
        await sidecar.Process.WaitForExitAsync(Token);

        Assert.Equal(0, sidecar.Process.ExitCode);
    }

    [Fact]
    public async Task Sigterm_WhileRedisIsFrozen_StopsTheProcess()
    {
        Needs.Signals();
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(timeout: "60s"));
        await redis.PauseAsync();
        var stuck = sidecar.LockFailureAsync("r", "o");

        await sidecar.Process.SignalAsync("TERM");
        await sidecar.Process.WaitForExitAsync(Token);

        Assert.Equal(0, sidecar.Process.ExitCode);
        await stuck;
    }

    [Fact]
    public async Task IgnoreErrors_RedisStartsLater_LocksWork()
    {
        await using var redis = RedisServer.NotStarted();
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(ignoreErrors: true));
        Assert.Equal(StatusCode.FailedPrecondition, (await sidecar.LockFailureAsync("r", "o")).StatusCode);

        await redis.RestartAsync(Token);

        await Eventually.HoldsAsync(() => sidecar.LockOrFailAsync(Fresh("r"), "o"), () => $"The store is not created: {sidecar.Process.Output}");
    }

    [Fact]
    public async Task RepositoryComponents_Unchanged_ProvideALockStore()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, [.. Manifests.OfRepository()]);

        // A new resource each time: these files have short timeouts, and a call that timed out may still have acquired its lock.
        var resource = "";
        await Eventually.HoldsAsync(
            () => sidecar.LockOrFailAsync(resource = Fresh("point:use:member"), "owner"), () => $"No lock is acquired: {sidecar.Process.Output}");

        await using var look = await redis.ConnectAsync();
        Assert.Equal("owner", await look.GetDatabase().StringGetAsync($"lock||points||{resource}"));
        Assert.DoesNotContain(" warn ", sidecar.Process.Output, StringComparison.Ordinal);
        await redis.KillAsync();
        await Eventually.HoldsAsync(
            async () => (await sidecar.LockFailureAsync("r", "o")).Detail.Contains("circuit breaker is open", StringComparison.Ordinal),
            "the breaker of the repository's files opens");
    }

    [Fact]
    public async Task OtherApi_Called_IsUnimplemented()
    {
        await using var sidecar = await StartAsync(redis: null);

        var error = await Assert.ThrowsAsync<RpcException>(
            async () => await sidecar.Grpc.GetStateAsync(new GetStateRequest { StoreName = "s", Key = "k" }, cancellationToken: Token));

        Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
    }

    [Fact]
    public async Task Start_RetriesInTheFiles_LogsWarnings()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        var store = Manifests.LockStore().Replace("\"-1\"", "3", StringComparison.Ordinal);
        var policy = Manifests.Resiliency.Replace("timeout: short", "timeout: short\n          retry: often", StringComparison.Ordinal);

        await using var sidecar = await StartAsync(redis, store, policy);

        await Eventually.SaysAsync(() => sidecar.Process.Output, "leaves Redis retries enabled");
        await Eventually.SaysAsync(() => sidecar.Process.Output, "names the retry policy often: ignored");
    }

    [Fact]
    public async Task Start_BrokenFile_LogsAWarningAndReadsTheOthers()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, "kind: [", Manifests.LockStore() + "\n---\n" + Manifests.LockStore("second"));

        await Eventually.SaysAsync(() => sidecar.Process.Output, "cannot be read as YAML");
        Assert.True(await sidecar.LockAsync("r", "o"));
        // Two stores with the key prefix "appid" on one Redis share their keys, so this needs another resource.
        Assert.True(await sidecar.LockAsync("another", "o", store: "second"));
    }

    public static TheoryData<string, string[]> Refused => new()
    {
        { "metadata property redisHost is empty", [Manifests.LockStore()] },
        { "failover (Redis Sentinel) is not supported", [Manifests.LockStore(more: [("failover", "true")])] },
        { "redisType other than node is not supported", [Manifests.LockStore(more: [("redisType", "cluster")])] },
        { "'soon' is not a duration", [Manifests.LockStore(timeout: "soon")] },
        { "redisDB: 'x' is not a number", [Manifests.LockStore(redisHost: "127.0.0.1:1", more: [("redisDB", "x")])] },
        { "enableTLS: invalid bool \"yes\"", [Manifests.LockStore(redisHost: "127.0.0.1:1", more: [("enableTLS", "yes")])] },
        { "clientCert and clientKey must be set together", [Manifests.LockStore(redisHost: "127.0.0.1:1", more: [("clientCert", "x")])] },
        { "are not a certificate and its key in PEM", [Manifests.LockStore(redisHost: "127.0.0.1:1", more: [("clientCert", "x"), ("clientKey", "y")])] },
        { "input key/keyPrefix 'a||b' can't contain '||'", [Manifests.LockStore(keyPrefix: "a||b", redisHost: "127.0.0.1:1")] },
        { "couldn't find lock store lock.other/v1", [Manifests.LockStore(type: "lock.other")] },
        { "duplicate definition of Component name lockstore", [Manifests.LockStore(), Manifests.LockStore()] },
        { "supports one comparison", [Manifests.Resiliency.Replace(">= 3", ">= 3 && requests > 9", StringComparison.Ordinal)] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Start_UnsupportedManifest_ExitsWithOneSentence(string sentence, string[] manifests)
    {
        await using var sidecar = SidecarUnderTest.Launch(Program, redis: null, manifests);

        await sidecar.Process.WaitForExitAsync(Token);

        Assert.Equal(1, sidecar.Process.ExitCode);
        Assert.Contains(sentence, sidecar.Process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", sidecar.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_PortTaken_ExitsWithOneSentence()
    {
        await using var first = await StartAsync(redis: null);
        string[] flags = ["sidecar", "--app-id", "points", "--dapr-http-port", $"{first.HttpPort}", "--dapr-grpc-port", $"{Ports.Next()}"];
        await using var second = ChildProcess.StartLocal(flags);

        await second.WaitForExitAsync(Token);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("address already in use", second.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", second.Output, StringComparison.Ordinal);
    }
}
