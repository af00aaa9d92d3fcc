using System.Globalization;
using PointSystem.Locking.Jobs;
using PointSystem.Tests.Sidecar;
using StackExchange.Redis;

namespace PointSystem.Tests.Locking.Jobs;

/// <summary>Job locks of two replicas through DaprClient, one sidecar process each with the repository's components, and one Redis.</summary>
public sealed class JobLockTests : IAsyncLifetime
{
    private const string Key = "point:job:test";

    private static readonly JobLockOptions Options = new() { Lease = TimeSpan.FromSeconds(2), Cap = TimeSpan.FromMinutes(5) };

    private readonly StandIn _program = new();
    private RedisServer _redis = null!;
    private ConnectionMultiplexer _look = null!;
    private SidecarUnderTest _holderSidecar = null!;
    private SidecarUnderTest _otherSidecar = null!;
    private LockReplica _holder = null!;
    private LockReplica _other = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync(Token);
        _look = await ConnectionMultiplexer.ConnectAsync(_redis.ConnectionString + ",allowAdmin=true");
        _holderSidecar = await StartSidecarAsync();
        _otherSidecar = await StartSidecarAsync();
        _holder = await StartReplicaAsync(_holderSidecar);
        _other = await StartReplicaAsync(_otherSidecar);
    }

    public async ValueTask DisposeAsync()
    {
        await _holder.DisposeAsync();
        await _other.DisposeAsync();
        await _holderSidecar.DisposeAsync();
        await _otherSidecar.DisposeAsync();
        await _look.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task TryAcquireAsync_HeldForSeveralLeases_AContenderWithoutPauseNeverGetsIt()
    {
        await using var held = await TakeAsync(_holder);
        var polls = 0;
        while (Renewals(_holder, "renewed") < 10)
        {
            Assert.Null(await _other.JobLocks.TryAcquireAsync(Key, Options, Token));
            Assert.False(held.Lost.IsCancellationRequested, $"The lock was lost after {polls} polls and {Renewals(_holder, "renewed")} renewals.");
            polls++;
        }
        // Ten renewals at intervals of a third of a lease take more than three leases.
        Assert.Equal(0, Renewals(_holder, "lost"));
        Assert.Equal(0, _holder.Count("pointsystem.lock.lost_leases"));
        await held.DisposeAsync();
        await using var next = await TakeAsync(_other);
        Assert.False(next.IsFallback);
    }

    [Fact]
    public async Task TryAcquireAsync_HeldForSeveralLeases_RedisHasAKeyAtEveryMoment()
    {
        await using var held = await TakeAsync(_holder);
        RedisKey[] keys = [Name(Key), Name(Key + ":relay")];
        var seen = new long[3];
        while (Renewals(_holder, "renewed") < 8)
        {
            // Both keys in one command: between two commands the relay may move from one key to the other.
            seen[await _look.GetDatabase().KeyExistsAsync(keys)]++;
        }
        Assert.Equal(0, seen[0]);

        // The gaps of the single keys must have been observed, otherwise the test did not look often enough.
        Assert.InRange(seen[1], 1, long.MaxValue);
        Assert.InRange(seen[2], 1, long.MaxValue);
    }

    [Fact]
    public async Task TryAcquireAsync_HolderCutOff_AnotherTakesOverWhenTheLeaseEndsAndTheHolderHasStopped()
    {
        var held = await TakeAsync(_holder);
        await Eventually.HoldsAsync(() => Renewals(_holder, "renewed") >= 2, "the lock is renewed");
        await _holderSidecar.Process.KillAsync();
        JobLock? next = null;
        await Eventually.HoldsAsync(async () =>
        {
            next = await _other.JobLocks.TryAcquireAsync(Key, Options, Token);
            Assert.True(next is null || held.Lost.IsCancellationRequested, "Two replicas believe that they hold the lock.");
            return next is { IsFallback: false };
        }, "another replica takes over");
        await next!.DisposeAsync();
        await held.DisposeAsync();
    }

    [Fact]
    public async Task Lost_SidecarFrozen_FiresBeforeTheLeaseEnds()
    {
        Needs.Signals();
        await using var held = await TakeAsync(_holder);
        var stillHeld = new TaskCompletionSource<bool>();
        await using var _ = held.Lost.Register(
            () => stillHeld.TrySetResult(_look.GetDatabase().KeyExists(Name(Key)) || _look.GetDatabase().KeyExists(Name(Key + ":relay"))));
        await Eventually.HoldsAsync(() => Renewals(_holder, "renewed") >= 2, "the lock is renewed");
        await _holderSidecar.Process.SignalAsync("STOP");
        Assert.True(await stillHeld.Task.WaitAsync(TimeSpan.FromSeconds(30), Token));
        await Eventually.HoldsAsync(() => _holder.Count("pointsystem.lock.lost_leases status=NotRenewed") == 1, "the loss is counted");
        await _holderSidecar.Process.SignalAsync("CONT");
        await held.DisposeAsync();
        // Requests buffered in the socket of the frozen sidecar take effect when it resumes, and are then undone.
        await FreeAsync();
    }

    [Fact]
    public async Task Lost_RedisFlushed_FiresAtTheNextRenewal()
    {
        await using var held = await TakeAsync(_holder);
        await _look.GetServer(_redis.Address).FlushAllDatabasesAsync();
        await Eventually.HoldsAsync(() => held.Lost.IsCancellationRequested, "the loss is noticed");
        Assert.Equal(1, _holder.Count("pointsystem.lock.lost_leases status=DoesNotExist"));
        Assert.Equal(1, Renewals(_holder, "lost"));
    }

    [Fact]
    public async Task Lost_CapReached_FiresAndIsNoLoss()
    {
        await using var held = await TakeAsync(_holder, Options with { Cap = Options.Lease * 1.5 });
        await Eventually.HoldsAsync(() => held.Lost.IsCancellationRequested, "the hold is capped");
        await held.DisposeAsync();
        Assert.Equal(0, _holder.Count("pointsystem.lock.lost_leases"));
        Assert.InRange(Renewals(_holder, "renewed"), 1, 10);
        await FreeAsync();
    }

    [Fact]
    public async Task DisposeAsync_Held_FreesTheKeysForGood()
    {
        var held = await TakeAsync(_holder);
        await Eventually.HoldsAsync(() => Renewals(_holder, "renewed") >= 2, "the lock is renewed");
        await held.DisposeAsync();
        Assert.Empty(Keys());
        // The renewals of another job measure the time during which this job's keys must not reappear.
        var before = Renewals(_other, "renewed");
        await using var clock = await _other.JobLocks.TryAcquireAsync("point:job:other", Options, Token);
        await Eventually.HoldsAsync(() =>
        {
            Assert.DoesNotContain(Keys(), key => key.StartsWith(Name(Key), StringComparison.Ordinal));
            return Renewals(_other, "renewed") >= before + 4;
        }, "another job is renewed");
    }

    [Fact]
    public async Task TryAcquireAsync_RedisAway_AnswersFallback()
    {
        await _redis.KillAsync();
        await using var handle = await _holder.JobLocks.TryAcquireAsync(Key, Options, Token);
        Assert.True(handle!.IsFallback);
        Assert.NotNull(handle.FallbackReason);
        Assert.False(handle.Lost.IsCancellationRequested);
    }

    private static long Renewals(LockReplica replica, string outcome) => replica.Count($"pointsystem.lock.renewals outcome={outcome}");

    private static async Task<JobLock> TakeAsync(LockReplica replica, JobLockOptions? options = null)
    {
        JobLock? held = null;
        await Eventually.HoldsAsync(
            async () => (held = await replica.JobLocks.TryAcquireAsync(Key, options ?? Options, Token)) is { IsFallback: false },
            "the lock is acquired");
        return held!;
    }

    private Task FreeAsync() => Eventually.HoldsAsync(() => Keys().Count == 0, "both keys are free");

    private List<string> Keys() => [.. _look.GetServer(_redis.Address).Keys(pattern: Name("point:job:*")).Select(key => key.ToString())];

    private static string Name(string resource) => $"lock||points||{resource}";

    private Task<SidecarUnderTest> StartSidecarAsync()
    {
        var components = Path.Combine(BuildOutputs.Repository, "components");
        return SidecarUnderTest.StartAsync(_program, _redis, Directory.GetFiles(components, "*.yaml").Select(File.ReadAllText), Token);
    }

    // On a busy machine a call may take long; these tests are about leases, not about slow calls.
    private static Task<LockReplica> StartReplicaAsync(SidecarUnderTest sidecar) => LockReplica.StartAsync(
        null, [], ("DAPR_GRPC_PORT", sidecar.GrpcPort.ToString(CultureInfo.InvariantCulture)), ("Locking:AttemptTimeout", "00:00:00.600"));
}
