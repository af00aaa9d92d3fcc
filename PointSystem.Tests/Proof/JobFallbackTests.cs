using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Features;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof;

/// <summary>Jobs while the lock store is unavailable: they pause first, then one replica continues under an advisory lock of the database.</summary>
public sealed class JobFallbackTests(PointsDatabase server)
{
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
        var begun = new TaskCompletionSource();
        var job = $"job-{Guid.NewGuid():n}";
        var running = first.TryRunAsync(
            job,
            token =>
            {
                begun.SetResult();
                return done.Task.WaitAsync(token);
            },
            isUrgent: false, Token);
        await begun.Task.WaitAsync(Token);
        Assert.False(await second.TryRunAsync(job, _ => throw new InvalidOperationException("Two replicas run the job."), isUrgent: false, Token));
        // Another job has another lock.
        Assert.True(await second.TryRunAsync(job + "-other", _ => Task.CompletedTask, isUrgent: false, Token));
        done.SetResult();
        Assert.True(await running);
        Assert.True(await second.TryRunAsync(job, _ => Task.CompletedTask, isUrgent: false, Token));
    }

    [Fact]
    public async Task TryRunAsync_SessionEnds_CancelsTheWorkAndAnotherReplicaCanRun()
    {
        await using var one = await UnavailableAsync();
        await using var two = await UnavailableAsync();
        var database = await server.CreateDatabaseAsync(null, Token);
        var (first, second) = (Runner(one, TimeSpan.Zero, database), Runner(two, TimeSpan.Zero, database));
        var begun = new TaskCompletionSource();
        var running = first.TryRunAsync(
            "expiry",
            token =>
            {
                begun.SetResult();
                return Task.Delay(Timeout.InfiniteTimeSpan, token);
            },
            isUrgent: false, Token);
        await begun.Task.WaitAsync(Token);
        Assert.Equal(1, await Books.CountAsync(
            database.ConnectionString,
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pointsystem-job'"));
        await Assert.ThrowsAsync<LeaseEndedException>(() => running);
        Assert.True(await second.TryRunAsync("expiry", _ => Task.CompletedTask, isUrgent: false, Token));
        await database.DisposeAsync();
    }

    private static async Task<LockReplica> UnavailableAsync()
    {
        var store = new MemoryLockStore(TimeProvider.System) { Before = (_, _) => throw new LockStoreException("sidecar-unavailable", isAmbiguous: false) };
        return await LockReplica.StartAsync(store, []);
    }

    private async Task<JobRunner> RunnerAsync(LockReplica replica, TimeSpan rest) => Runner(replica, rest, await server.GetAsync(Token));

    private static JobRunner Runner(LockReplica replica, TimeSpan rest, NpgsqlDataSource database)
    {
        var settings = new[] { KeyValuePair.Create("ConnectionStrings:points", (string?)database.ConnectionString) };
        var locks = new AdvisoryLocks(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        return new JobRunner(
            replica.JobLocks, locks, Options.Create(new JobOptions { RestFor = rest }), TimeProvider.System, NullLogger<JobRunner>.Instance);
    }
}
