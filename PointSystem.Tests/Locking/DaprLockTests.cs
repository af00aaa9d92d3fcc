using System.Globalization;
using Microsoft.Extensions.Configuration;
using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Sidecar;
using StackExchange.Redis;

namespace PointSystem.Tests.Locking;

/// <summary>The locks through DaprClient, a sidecar process with the repository's components, and Redis. Each test breaks its own ones.</summary>
public sealed class DaprLockTests : IAsyncLifetime
{
    private static readonly LockOptions LongWait = new() { Wait = TimeSpan.FromSeconds(30), Lease = TimeSpan.FromSeconds(10) };
    private static readonly LockOptions NoWait = new() { Wait = TimeSpan.Zero, Lease = TimeSpan.FromSeconds(10) };

    private readonly StandIn _program = new();
    private RedisServer _redis = null!;
    private SidecarUnderTest _sidecar = null!;
    private FaultProxy _proxy = null!;
    private ConnectionMultiplexer _connection = null!;
    private LockReplica _replica = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Token);
        _connection = await ConnectionMultiplexer.ConnectAsync(_redis.ConnectionString + ",allowAdmin=true");
        _sidecar = await StartSidecarAsync();
        _proxy = new FaultProxy(_sidecar.GrpcPort);
        _replica = await StartReplicaAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _replica.DisposeAsync();
        await _proxy.DisposeAsync();
        await _sidecar.DisposeAsync();
        await _connection.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task AcquireAsync_TwoReplicas_ExcludeEachOtherAndHandOver()
    {
        // A slow machine must not cause a fallback here.
        await using var one = await StartReplicaAsync(("Locking:AttemptTimeout", "00:00:05"), ("Locking:WarmUpTimeout", "00:00:10"));
        await using var other = await StartReplicaAsync(("Locking:AttemptTimeout", "00:00:05"), ("Locking:WarmUpTimeout", "00:00:10"));
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async number =>
        {
            await using var handle = await (number % 2 == 0 ? one : other).Locks.AcquireAsync("point:use:member:1", LongWait, Token);
            Assert.False(handle.IsFallback);
            Assert.Equal(1, Interlocked.Increment(ref inside));
            await Task.Yield();
            Interlocked.Decrement(ref inside);
        }));
        Assert.Equal(40, one.Count("pointsystem.lock.acquire outcome=acquired") + other.Count("pointsystem.lock.acquire outcome=acquired"));
        await FreeAsync("point:use:member:1");
        Assert.Equal(0, one.Count("pointsystem.lock.lost_leases") + other.Count("pointsystem.lock.lost_leases"));
    }

    [Fact]
    public async Task TryAcquireAsync_HeldElsewhere_IsRefusedWithoutWaitAndTimesOutWithOne()
    {
        await using var other = await StartReplicaAsync();
        await using var held = await other.Locks.AcquireAsync("point:use:member:1", LongWait, Token);
        Assert.Null(await _replica.Locks.TryAcquireAsync("point:use:member:1", NoWait, Token));
        var failure = await Assert.ThrowsAsync<LockNotAcquiredException>(() =>
            _replica.Locks.AcquireAsync("point:use:member:1", NoWait with { Wait = TimeSpan.FromSeconds(0.4) }, Token));
        Assert.Equal("point:use:member:1", failure.Key);
        Assert.Equal(1, _replica.Count("pointsystem.lock.acquire outcome=contended"));
        Assert.Equal(1, _replica.Count("pointsystem.lock.acquire outcome=timed_out"));
        Assert.False(_replica.Monitor.IsFallback);
    }

    [Fact]
    public async Task AcquireAsync_ManyInARow_EachGetsTheReleasedLock()
    {
        for (var number = 0; number < 50; number++)
        {
            await using var handle = await _replica.Locks.TryAcquireAsync("point:use:member:1", NoWait, Token);
            Assert.NotNull(handle);
        }
        Assert.Equal(50, _replica.Count("pointsystem.lock.acquire outcome=acquired"));
    }

    [Fact]
    public async Task AcquireAsync_SidecarFrozen_FallsBackOpensTheBreakerAndRecovers()
    {
        Needs.Signals();
        await _sidecar.Process.SignalAsync("STOP");
        await FallsBackAsync();
        await _sidecar.Process.SignalAsync("CONT");
        await RecoversAsync();
        // Requests buffered in the socket of the frozen sidecar take effect when it resumes, and are then undone.
        await FreeAsync("point:use:member:1");
    }

    [Fact]
    public async Task AcquireAsync_RedisFrozen_FallsBackAndLeavesNoGhost()
    {
        Needs.Signals();
        await _redis.PauseAsync();
        await FallsBackAsync();
        await _redis.ResumeAsync();
        await RecoversAsync();
        await FreeAsync("point:use:member:1");
    }

    [Fact]
    public async Task AcquireAsync_RedisKilled_FallsBackAndUsesLocksAgainOnceItReturns()
    {
        await _redis.KillAsync();
        await FallsBackAsync();
        await _redis.RestartAsync(Token);
        await RecoversAsync();
    }

    [Fact]
    public async Task AcquireAsync_SidecarKilled_FallsBackAndUsesLocksAgainOnceItReturns()
    {
        await _sidecar.Process.KillAsync();
        await FallsBackAsync();
        var next = await StartSidecarAsync();
        await _sidecar.DisposeAsync();
        _sidecar = next;
        _proxy.Redirect(next.GrpcPort);
        await RecoversAsync();
    }

    /// <summary>A client that fails many calls while it connects must not stop connecting for good, as gRPC's own connections could.</summary>
    [Fact]
    public async Task TryLockAsync_CallsFailWhileItConnects_ConnectsAgainEachTime()
    {
        var port = KeyValuePair.Create("DAPR_GRPC_PORT", (string?)_proxy.Port.ToString(CultureInfo.InvariantCulture));
        using var client = DaprClientFactory.Create(new ConfigurationBuilder().AddInMemoryCollection([port]).Build());
        var store = new DaprLockStore(client, Microsoft.Extensions.Options.Options.Create(new LockingOptions()));
        var dead = Ports.Next();
        for (var round = 0; round < 150; round++)
        {
            _proxy.Redirect(dead);
            _proxy.Break();
            await Task.WhenAll(Enumerable.Range(0, 20).Select(number => TryAsync($"point:use:member:{number}", TimeSpan.FromMilliseconds(5 * number))));
            _proxy.Redirect(_sidecar.GrpcPort);
            await Eventually.HoldsAsync(() => TryAsync($"point:use:order:{Guid.NewGuid():N}", TimeSpan.FromSeconds(1)), $"it is connected again after round {round}");
        }

        async Task<bool> TryAsync(string key, TimeSpan limit)
        {
            using var ending = new CancellationTokenSource(limit);
            try
            {
                return await store.TryLockAsync(key, "owner", leaseSeconds: 60, ending.Token);
            }
            catch (Exception failure) when (failure is LockStoreException or OperationCanceledException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task AcquireAsync_RedisFullOfMemory_FallsBackAndRecovers()
    {
        Needs.Redis(_redis.IsRedis);
        var redis = _connection.GetDatabase();
        await redis.ExecuteAsync("CONFIG", "SET", "maxmemory", "1");
        await FallsBackAsync();
        await redis.ExecuteAsync("CONFIG", "SET", "maxmemory", "0");
        await RecoversAsync();
    }

    [Fact]
    public async Task AcquireAsync_OnlyTheReplyIsLost_LeavesNoGhostHold()
    {
        _proxy.DropReplies();
        await using (var handle = await _replica.Locks.AcquireAsync("point:use:member:1", LongWait with { Lease = TimeSpan.FromMinutes(10) }, Token))
        {
            Assert.True(handle.IsFallback);
            // The lock was acquired and would be held for ten minutes without the clean-up. (The clean-up's requests may have arrived as well.)
        }
        _proxy.Heal();
        await FreeAsync("point:use:member:1");
        await RecoversAsync();
    }

    [Fact]
    public async Task AcquireAsync_RequestsAreLost_FallsBackAndRecovers()
    {
        _proxy.DropRequests();
        await FallsBackAsync();
        _proxy.Heal();
        await RecoversAsync();
    }

    [Fact]
    public async Task DisposeAsync_KeyDeletedInRedis_CountsTheLostLease()
    {
        var handle = await _replica.Locks.AcquireAsync("point:use:member:1", LongWait, Token);
        Assert.Equal(handle.Owner, (string?)await _connection.GetDatabase().StringGetAsync(Key("point:use:member:1")));
        Assert.True(await _connection.GetDatabase().KeyDeleteAsync(Key("point:use:member:1")));
        await handle.DisposeAsync();
        await Eventually.HoldsAsync(() => _replica.Count("pointsystem.lock.lost_leases status=DoesNotExist") == 1, "the lost lease has been counted");
    }

    [Fact]
    public async Task AcquireAsync_UnknownStore_FallsBackWithItsReason()
    {
        await using var replica = await StartReplicaAsync(("Locking:StoreName", "misspelt"));
        await using var handle = await replica.Locks.AcquireAsync("point:use:member:1", LongWait, Token);
        Assert.True(handle.IsFallback);
        Assert.Equal("invalid-argument", replica.Monitor.FallbackReason);
    }

    private async Task FallsBackAsync()
    {
        await using (var handle = await _replica.Locks.AcquireAsync("point:use:member:1", LongWait, Token))
        {
            Assert.True(handle.IsFallback);
        }
        await Eventually.HoldsAsync(() => _replica.Monitor.IsFallback, "the failure of a single caller has opened the breaker");
        var calls = _replica.Count("pointsystem.lock.store.calls call=try_lock");
        var skipped = _replica.Count("pointsystem.lock.store.calls result=skipped");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async number =>
        {
            await using var handle = await _replica.Locks.AcquireAsync($"point:use:member:{100 + number}", LongWait, Token);
            Assert.True(handle.IsFallback);
        }));
        Assert.Equal(calls + 50, _replica.Count("pointsystem.lock.store.calls call=try_lock"));
        Assert.Equal(skipped + 50, _replica.Count("pointsystem.lock.store.calls result=skipped"));
    }

    private async Task RecoversAsync()
    {
        await Eventually.HoldsAsync(() => !_replica.Monitor.IsFallback, () => $"The breaker stays open: {_replica.Monitor.FallbackReason}. {_sidecar.Process.Output}");
        await Eventually.HoldsAsync(async () =>
        {
            await using var handle = await _replica.Locks.AcquireAsync("point:use:member:2", LongWait, Token);
            return !handle.IsFallback && await _connection.GetDatabase().KeyExistsAsync(Key("point:use:member:2"));
        }, "locks are acquired again");
    }

    private Task FreeAsync(string resource) =>
        Eventually.HoldsAsync(async () => !await _connection.GetDatabase().KeyExistsAsync(Key(resource)), $"{resource} is free");

    private static string Key(string resource) => $"lock||points||{resource}";

    private Task<SidecarUnderTest> StartSidecarAsync() => SidecarUnderTest.StartAsync(_program, _redis, Manifests.OfRepository(), Token);

    private Task<LockReplica> StartReplicaAsync(params (string Key, string Value)[] settings) =>
        LockReplica.StartAsync(null, [], [("DAPR_GRPC_PORT", _proxy.Port.ToString(CultureInfo.InvariantCulture)), .. settings]);
}
