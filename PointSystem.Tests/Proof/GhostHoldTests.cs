using System.Globalization;
using PointSystem.Locking;
using PointSystem.Locking.Jobs;
using PointSystem.Tests.Locking;
using PointSystem.Tests.Sidecar;
using StackExchange.Redis;

namespace PointSystem.Tests.Proof;

/// <summary>
/// The answer to a TryLock is lost on either connection, for every kind of lock, and so is every later message: the key is held, but no replica
/// knows. When the network recovers, the key is released at once, not at the end of its lease of ten minutes.
/// </summary>
public sealed class GhostHoldTests : IAsyncLifetime
{
    private const string Key = "point:use:member:1";
    private const string RedisKey = "lock||points||" + Key;

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    private RedisServer _redis = null!;
    private ConnectionMultiplexer _connection = null!;
    private FaultProxy _toRedis = null!;
    private SidecarUnderTest _sidecar = null!;
    private FaultProxy _toSidecar = null!;
    private LockReplica _replica = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Token);
        _connection = await _redis.ConnectAsync();
        _toRedis = new FaultProxy(_redis.Port);
        var manifests = Manifests.OfRepository()
            .Select(text => text.Replace("envRef: REDIS_HOST", $"value: 127.0.0.1:{_toRedis.Port}", StringComparison.Ordinal));
        _sidecar = await SidecarUnderTest.StartAsync(new StandIn(), _redis, manifests, Token);
        _toSidecar = new FaultProxy(_sidecar.GrpcPort);
        // Long enough for the test to cut the other direction before the clean-up of the unanswered attempt is sent.
        _replica = await LockReplica.StartAsync(
            null, [], ("DAPR_GRPC_PORT", _toSidecar.Port.ToString(CultureInfo.InvariantCulture)), ("Locking:AttemptTimeout", "00:00:02"));
    }

    public async ValueTask DisposeAsync()
    {
        await _replica.DisposeAsync();
        await _toSidecar.DisposeAsync();
        await _sidecar.DisposeAsync();
        await _toRedis.DisposeAsync();
        await _connection.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData("replica to sidecar", "a command's lock")]
    [InlineData("replica to sidecar", "a job's lock")]
    [InlineData("sidecar to Redis", "a command's lock")]
    [InlineData("sidecar to Redis", "a job's lock")]
    public async Task TryLock_AnswerLost_ReleasesTheKeyWhenTheNetworkRecovers(string connection, string kind)
    {
        var proxy = connection == "sidecar to Redis" ? _toRedis : _toSidecar;
        proxy.DropReplies();
        var asked = AskAsync(kind);
        await Eventually.HoldsAsync(HeldAsync, "the lock is held in Redis");
        proxy.DropRequests();
        Assert.True(await asked, "The caller did not continue without a lease.");
        await Eventually.HoldsAsync(() => _replica.Monitor.IsFallback, "the breaker is open");
        Assert.True(await HeldAsync());

        proxy.Heal();
        await Eventually.HoldsAsync(async () => !await HeldAsync(), "the ghost hold is released");
        await Eventually.HoldsAsync(() => _replica.Count("pointsystem.lock.ghosts") >= 1, "the ghost hold is counted");
        await Eventually.HoldsAsync(() => !_replica.Monitor.IsFallback, "the breaker is closed");
        await using var next = await _replica.Locks.TryAcquireAsync(Key, new LockOptions { Wait = TimeSpan.Zero, Lease = Lease }, Token);
        Assert.NotNull(next);
        Assert.False(next.IsFallback);
    }

    /// <summary>Acquires the lock. Returns whether the result is a fallback.</summary>
    private async Task<bool> AskAsync(string kind)
    {
        if (kind == "a job's lock")
        {
            await using var job = await _replica.JobLocks.TryAcquireAsync(Key, new JobLockOptions { Lease = Lease, Cap = TimeSpan.FromHours(1) }, Token);
            return job!.IsFallback;
        }
        await using var handle = await _replica.Locks.AcquireAsync(Key, new LockOptions { Wait = TimeSpan.FromSeconds(5), Lease = Lease }, Token);
        return handle.IsFallback;
    }

    private async Task<bool> HeldAsync() => await _connection.GetDatabase().KeyExistsAsync(RedisKey);
}
