using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Features;
using PointSystem.Tests.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Jobs while the lock store is unavailable, goes and comes back: they pause first, then one replica continues under an advisory lock of the
/// database, and never a second one beside it.
/// </summary>
public sealed class JobFallbackTests(PointsDatabase server)
{
    private static readonly JobOptions AtOnce = new() { RestFor = TimeSpan.Zero };

    [Fact]
    public async Task TryRunAsync_LockStoreUnavailable_PausesUnlessUrgentOrPausedLongEnough()
    {
        await using var replica = await UnavailableAsync();
        var ran = 0;
        Task Work(CancellationToken token)
        {
            ran++;
            return Task.CompletedTask;
        }
        var patient = await RunnerAsync(replica, TimeSpan.FromMinutes(3));
        Assert.False(await patient.TryRunAsync("expiry", Work, isUrgent: false, Token));
        Assert.Equal(0, ran);
        Assert.True(await patient.TryRunAsync("expiry", Work, isUrgent: true, Token));
        var impatient = await RunnerAsync(replica, TimeSpan.Zero);
        Assert.True(await impatient.TryRunAsync("expiry", Work, isUrgent: false, Token));
        Assert.Equal(2, ran);
    }

    [Fact]
    public async Task TryRunAsync_LockStoreUnavailable_RunsOnOneReplicaAtATime()
    {
        await using var one = await UnavailableAsync();
        await using var two = await UnavailableAsync();
        var (first, second) = (await RunnerAsync(one, TimeSpan.Zero), await RunnerAsync(two, TimeSpan.Zero));
        var done = new TaskCompletionSource();
        var job = $"job-{Guid.NewGuid():n}";
        var running = await BeginAsync(first, job, done.Task, isUrgent: false);
        Assert.False(await second.TryRunAsync(job, _ => throw new InvalidOperationException("Two replicas run the job."), isUrgent: false, Token));
        // Another job has another lock.
        Assert.True(await second.TryRunAsync(job + "-other", _ => Task.CompletedTask, isUrgent: false, Token));
        done.SetResult();
        Assert.True(await running);
        Assert.True(await second.TryRunAsync(job, _ => Task.CompletedTask, isUrgent: false, Token));
    }

    /// <summary>
    /// The lock store goes or comes while a replica runs the job: the other one sees the store as it is now, and must not run beside it. Jobs
    /// without an end would otherwise do everything twice, for an hour.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TryRunAsync_LockStoreGoesOrComesMeanwhile_RunsOnOneReplicaAtATime(bool isThereAtFirst)
    {
        var store = new MemoryLockStore(TimeProvider.System) { Before = isThereAtFirst ? null : Unavailable };
        await using var one = await LockReplica.StartAsync(store, []);
        await using var two = await LockReplica.StartAsync(store, []);
        var database = await server.GetAsync(Token);
        var (first, second) = (one.Runner(database, AtOnce), two.Runner(database, AtOnce));
        var done = new TaskCompletionSource();
        var job = $"job-{Guid.NewGuid():n}";
        var running = await BeginAsync(first, job, done.Task, isUrgent: true);

        store.Before = isThereAtFirst ? Unavailable : null;
        Assert.False(await second.TryRunAsync(job, _ => throw new InvalidOperationException("Two replicas run the job."), isUrgent: true, Token));
        Assert.Equal(isThereAtFirst, store.IsHeld(JobRunner.KeyOf(job)));
        done.SetResult();
        Assert.True(await running);
        Assert.True(await second.TryRunAsync(job, _ => Task.CompletedTask, isUrgent: true, Token));
    }

    /// <summary>A holder that hangs or has lost its network keeps the lock for its lease and no longer, and learns of it.</summary>
    [Fact]
    public async Task AdvisoryLock_HolderIsNotHeardOf_EndsWithItsLease()
    {
        var database = await server.GetAsync(Token);
        var address = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var proxy = new FaultProxy(address.Port);
        var key = $"point:job:{Guid.NewGuid():n}";
        var near = JobRunners.AdvisoryLocksOf(database.ConnectionString);
        address.Host = "127.0.0.1";
        address.Port = proxy.Port;
        var lease = TimeSpan.FromSeconds(3);
        await using var held = await JobRunners.AdvisoryLocksOf(address.ConnectionString).TryAcquireAsync(key, lease, Token);
        Assert.NotNull(held);

        // It is idle, but says so often enough.
        await Eventually.HoldsAsync(
            async () => await Books.CountAsync(
                database.ConnectionString,
                """
                SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid)
                WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0) AND clock_timestamp() - xact_start > '4.5 s'
                """,
                key) == 1,
            "it is held for longer than its lease");
        Assert.Null(await near.TryAcquireAsync(key, lease, Token));
        Assert.False(held.Lost.IsCancellationRequested);

        proxy.HoldRequests();
        AdvisoryLock? next = null;
        await Eventually.HoldsAsync(async () => (next = await near.TryAcquireAsync(key, lease, Token)) is not null, "another session gets it");
        await using (next)
        {
            await Eventually.HoldsAsync(() => held.Lost.IsCancellationRequested, "the holder learns that it has lost it");
        }
    }

    [Fact]
    public async Task TryRunAsync_SessionEnds_CancelsTheWorkAndAnotherReplicaCanRun()
    {
        await using var one = await UnavailableAsync();
        await using var two = await UnavailableAsync();
        var database = await server.CreateDatabaseAsync(null, Token);
        var (first, second) = (one.Runner(database, AtOnce), two.Runner(database, AtOnce));
        var running = await BeginAsync(first, "expiry", Task.Delay(Timeout.InfiniteTimeSpan, Token), isUrgent: false);
        Assert.Equal(1, await Books.CountAsync(
            database.ConnectionString,
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pointsystem-job'"));
        await Assert.ThrowsAsync<LeaseEndedException>(() => running);
        Assert.True(await second.TryRunAsync("expiry", _ => Task.CompletedTask, isUrgent: false, Token));
        await database.DisposeAsync();
    }

    /// <summary>Starts a job that ends with a task, and returns its run when it has begun.</summary>
    private static async Task<Task<bool>> BeginAsync(JobRunner runner, string job, Task end, bool isUrgent)
    {
        var begun = new TaskCompletionSource();
        var running = runner.TryRunAsync(
            job,
            token =>
            {
                begun.SetResult();
                return end.WaitAsync(token);
            },
            isUrgent, Token);
        await begun.Task.WaitAsync(Token);
        return running;
    }

    private static async Task<LockReplica> UnavailableAsync()
    {
        var store = new MemoryLockStore(TimeProvider.System) { Before = Unavailable };
        return await LockReplica.StartAsync(store, []);
    }

    private static Task Unavailable(string call, CancellationToken cancellationToken) =>
        throw new LockStoreException("sidecar-unavailable", isAmbiguous: false);

    private async Task<JobRunner> RunnerAsync(LockReplica replica, TimeSpan rest) =>
        replica.Runner(await server.GetAsync(Token), new JobOptions { RestFor = rest });
}
