using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace PointSystem.Tests.Sidecar;

/// <summary>Redis is killed, frozen and restarted, with and without resiliency policies.</summary>
public abstract class LockFaultsSuite<TProgram> : SidecarSuite<TProgram>
    where TProgram : SidecarProgram, new()
{
    [Fact]
    public async Task RedisKilled_CallsFailAsInternalUntilItIsBack()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore());
        Assert.True(await sidecar.LockAsync("held", "owner"));
        await redis.KillAsync();

        var (grpcLock, grpcUnlock) = (await sidecar.LockFailureAsync("r", "o"), await sidecar.UnlockFailureAsync("held", "owner"));
        var (httpLock, httpUnlock) = (await sidecar.HttpLockAsync("r", "o", Token), await sidecar.HttpUnlockAsync("held", "owner", Token));

        Assert.Equal(StatusCode.Internal, grpcLock.StatusCode);
        Assert.StartsWith("failed to try acquiring lock: ", grpcLock.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.Internal, grpcUnlock.StatusCode);
        Assert.StartsWith("failed to release lock: ", grpcUnlock.Detail, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_TRY_LOCK"), (httpLock.Status, httpLock.ErrorCode));
        Assert.Equal((HttpStatusCode.InternalServerError, "ERR_UNLOCK"), (httpUnlock.Status, httpUnlock.ErrorCode));
        // The sidecar is healthy without Redis.
        Assert.True(await sidecar.Client.CheckHealthAsync(Token));

        await redis.RestartAsync(Token);
        await Eventually.HoldsAsync(() => sidecar.LockOrFailAsync(Fresh("r"), "o"), () => $"Redis is running again, but locks fail: {sidecar.Process.Output}");
        Assert.Equal(UnlockResponse.Types.Status.LockDoesNotExist, await sidecar.UnlockAsync("held", "owner"));
    }

    [Fact]
    public async Task RedisFrozen_CallFailsAfterTheReadTimeoutAndItsGhostCanBeUnlocked()
    {
        Needs.Signals();
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(timeout: "2s"));
        Assert.True(await sidecar.LockAsync("warm", "owner"));
        await redis.PauseAsync();

        var failure = await sidecar.LockFailureAsync("ghost", "owner");

        Assert.Equal(StatusCode.Internal, failure.StatusCode);
        Assert.StartsWith("failed to try acquiring lock: ", failure.Detail, StringComparison.Ordinal);

        // The caller gave up while the command was on its way. It is still applied, and only an unlock by the same owner frees the key before its TTL.
        await redis.ResumeAsync();
        await using var look = await redis.ConnectAsync();
        await Eventually.HoldsAsync(
            async () => await look.GetDatabase().StringGetAsync("lock||points||ghost") == "owner", "the delayed SET is applied");
        Assert.False(await sidecar.LockAsync("ghost", "other"));
        Assert.Equal(UnlockResponse.Types.Status.Success, await sidecar.UnlockAsync("ghost", "owner"));
        Assert.True(await sidecar.LockAsync("ghost", "other"));
    }

    [Fact]
    public async Task ResiliencyTimeout_RedisFrozen_EndsTheCallBeforeTheReadTimeout()
    {
        Needs.Signals();
        await using var redis = await RedisServer.StartAsync(Token);
        // The component alone waits for a minute, longer than the deadline of the calls in this suite.
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(timeout: "60s"), Manifests.Resiliency);
        Assert.True(await sidecar.LockAsync("warm", "owner"));
        await redis.PauseAsync();

        var failure = await sidecar.LockFailureAsync("r", "o");

        Assert.Equal((StatusCode.Internal, "failed to try acquiring lock: context deadline exceeded"), (failure.StatusCode, failure.Detail));
        await redis.ResumeAsync();
    }

    [Fact]
    public async Task Breaker_RedisKilled_OpensForBothCallsAndClosesAgain()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(), Manifests.Resiliency);
        await redis.KillAsync();
        for (var failure = 0; failure < 3; failure++)
        {
            Assert.DoesNotContain("circuit breaker", (await sidecar.LockFailureAsync("r", "o")).Detail, StringComparison.Ordinal);
        }

        var (refusedLock, refusedUnlock) = (await sidecar.LockFailureAsync("r", "o"), await sidecar.UnlockFailureAsync("r", "o"));

        Assert.Equal((StatusCode.Internal, "failed to try acquiring lock: circuit breaker is open"), (refusedLock.StatusCode, refusedLock.Detail));
        Assert.Equal((StatusCode.Internal, "failed to release lock: circuit breaker is open"), (refusedUnlock.StatusCode, refusedUnlock.Detail));

        await redis.RestartAsync(Token);
        await Eventually.HoldsAsync(() => sidecar.LockOrFailAsync(Fresh("r"), "o"), () => $"The breaker stays open: {sidecar.Process.Output}");
    }

    [Fact]
    public async Task Breaker_Contention_DoesNotCountAsFailure()
    {
        await using var redis = await RedisServer.StartAsync(Token);
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(), Manifests.Resiliency);
        Assert.True(await sidecar.LockAsync("hot", "owner"));

        for (var attempt = 0; attempt < 10; attempt++)
        {
            Assert.False(await sidecar.LockAsync("hot", "other"));
            Assert.Equal(UnlockResponse.Types.Status.LockBelongsToOthers, await sidecar.UnlockAsync("hot", "other"));
        }

        Assert.True(await sidecar.LockAsync("cold", "other"));
    }

    [Fact]
    public async Task Start_RedisUnavailable_ExitsWithAnError()
    {
        await using var redis = RedisServer.NotStarted();
        await using var sidecar = SidecarUnderTest.Launch(Program, redis, [Manifests.LockStore()]);

        await sidecar.Process.WaitForExitAsync(Token);

        Assert.NotEqual(0, sidecar.Process.ExitCode);
        Assert.Contains("error connecting to Redis", sidecar.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_RedisUnavailableAndErrorsIgnored_RunsWithoutALockStore()
    {
        await using var redis = RedisServer.NotStarted();
        await using var sidecar = await StartAsync(redis, Manifests.LockStore(ignoreErrors: true));

        var failure = await sidecar.LockFailureAsync("r", "o");

        Assert.Equal((StatusCode.FailedPrecondition, "lock store is not configured"), (failure.StatusCode, failure.Detail));
    }
}
