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
        // Seven renewals, a third of a lease apart: more than two leases.
        await using var stalls = new Stalls();
        await using var held = await HoldAsync(7, async held =>
        {
            await using var other = await _other.JobLocks.TryAcquireAsync(Key, Options, Token);
            Assert.True(
                other is not { IsFallback: false } || held.Lost.IsCancellationRequested || await stalls.SeenAsync(),
                "Two replicas believe that they hold the lock.");
        });
        await held.DisposeAsync();
        await using var next = await TakeAsync(_other);
        Assert.False(next.IsFallback);
    }

    [Fact]
    public async Task TryAcquireAsync_HeldForLongerThanALease_RedisHasAKeyAtEveryMoment()
    {
        await using var stalls = new Stalls();
        RedisKey[] keys = [Name(Key), Name(Key + ":relay")];
        var seen = new long[3];
        await using var held = await HoldAsync(4, async held =>
        {
            // Without a pause, for the gaps are short.
            var count = 2L;
            for (var look = 0; look < 200 && count > 0; look++)
            {
                // Both in one command: between two of them the relay may have gone on.
                count = await _look.GetDatabase().KeyExistsAsync(keys);
                seen[count]++;
            }
            Assert.True(count > 0 || held.Lost.IsCancellationRequested || await stalls.SeenAsync(), "The holder has no key.");
        });

        // The gaps of the single keys must have been observed, otherwise the test did not look often enough.
        Assert.InRange(seen[1], 1, long.MaxValue);
        Assert.InRange(seen[2], 1, long.MaxValue);
    }

    [Fact]
    public async Task TryAcquireAsync_HolderCutOff_AnotherTakesOverWhenTheLeaseEndsAndTheHolderHasStopped()
    {
        var held = await HoldAsync(2);
        await _holderSidecar.Process.KillAsync();
        await using var stalls = new Stalls();
        await using var next = await TakeAsync(_other);
        Assert.True(held.Lost.IsCancellationRequested || await stalls.SeenAsync(), "two believe to hold");
        await held.DisposeAsync();
    }

    [Fact]
    public async Task Lost_SidecarFrozen_FiresBeforeTheLeaseEnds()
    {
        Needs.Signals();
        await using var held = await HoldAsync(2);
        await using var stalls = new Stalls();
        const string notRenewed = "pointsystem.lock.lost_leases status=NotRenewed";
        var before = _holder.Count(notRenewed);
        var stillHeld = new TaskCompletionSource<bool>();
        await using var _ = held.Lost.Register(
            () => stillHeld.TrySetResult(_look.GetDatabase().KeyExists(Name(Key)) || _look.GetDatabase().KeyExists(Name(Key + ":relay"))));
        await _holderSidecar.Process.SignalAsync("STOP");
        Assert.True(await stillHeld.Task.WaitAsync(TimeSpan.FromSeconds(30), Token) || await stalls.SeenAsync());
        await Eventually.HoldsAsync(() => _holder.Count(notRenewed) == before + 1, "the loss is counted");
        await _holderSidecar.Process.SignalAsync("CONT");
        await held.DisposeAsync();
        // Requests buffered in the socket of the frozen sidecar take effect when it resumes, and are then undone.
        await FreeAsync();
    }

    [Fact]
    public async Task Lost_RedisFlushed_FiresAtTheNextRenewal()
    {
        await using var stalls = new Stalls();
        await using var held = await TakeAsync(_holder);
        await _look.GetServer(_redis.Address).FlushAllDatabasesAsync();
        await Eventually.HoldsAsync(() => held.Lost.IsCancellationRequested, "the loss is noticed");
        // Work stops before the renewal is counted.
        await held.DisposeAsync();
        // Found by asking the store, not by the end of the lease.
        Assert.True(
            (_holder.Count("pointsystem.lock.lost_leases status=DoesNotExist"), Renewals(_holder, "lost")) is (1, 1) || await stalls.SeenAsync(),
            "the renewal finds the loss");
    }

    [Fact]
    public async Task Lost_CapReached_FiresAndIsNoLoss()
    {
        await using var stalls = new Stalls();
        await using var held = await TakeAsync(_holder, Options with { Cap = Options.Lease * 1.5 });
        await Eventually.HoldsAsync(() => held.Lost.IsCancellationRequested, "the hold is capped");
        await held.DisposeAsync();
        Assert.True(
            (_holder.Count("pointsystem.lock.lost_leases"), Renewals(_holder, "renewed")) is (0, >= 1 and <= 10) || await stalls.SeenAsync(),
            "the cap is no loss");
        await FreeAsync();
    }

    [Fact]
    public async Task DisposeAsync_Held_FreesTheKeysForGood()
    {
        var held = await HoldAsync(2);
        await held.DisposeAsync();
        await FreeAsync();
        // Another job's renewals measure the time in which this one's must not come back.
        await using var clock = await HoldAsync(4, _other, "point:job:other", _ =>
        {
            Assert.DoesNotContain(Keys(), key => key.StartsWith(Name(Key), StringComparison.Ordinal));
            return Task.CompletedTask;
        });
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

    private Task<JobLock> HoldAsync(int renewals, Func<JobLock, Task>? meanwhile = null) => HoldAsync(renewals, _holder, Key, meanwhile);

    /// <summary>
    /// Takes the lock and holds it for so many renewals. A machine that stands still for two seconds ends the lease, as it should: then it
    /// begins again. A relay that always loses its lock never gets there.
    /// </summary>
    /// <param name="renewals">How often the lock is renewed under one hold.</param>
    /// <param name="replica">Who takes it.</param>
    /// <param name="key">The lock.</param>
    /// <param name="meanwhile">Runs again and again while it is held.</param>
    private static async Task<JobLock> HoldAsync(int renewals, LockReplica replica, string key, Func<JobLock, Task>? meanwhile)
    {
        JobLock? held = null;
        var goal = 0L;
        await Eventually.HoldsAsync(
            async () =>
            {
                if (held is null)
                {
                    goal = Renewals(replica, "renewed") + renewals;
                    held = await TakeAsync(replica, key: key);
                }
                await (meanwhile?.Invoke(held) ?? Task.CompletedTask);
                if (held.Lost.IsCancellationRequested)
                {
                    await held.DisposeAsync();
                    held = null;
                }
                return held is not null && Renewals(replica, "renewed") >= goal;
            },
            "the lock is held for several renewals");
        return held!;
    }

    private static async Task<JobLock> TakeAsync(LockReplica replica, JobLockOptions? options = null, string key = Key)
    {
        JobLock? held = null;
        await Eventually.HoldsAsync(
            async () => (held = await replica.JobLocks.TryAcquireAsync(key, options ?? Options, Token)) is { IsFallback: false },
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
