using System.Collections.Concurrent;
using System.Net;
using Npgsql;

namespace PointSystem.Tests.Cluster;

/// <summary>One of three replicas runs a job; when it is killed, another one continues the job.</summary>
public sealed class JobTakeoverTests(JobTakeoverTests.Fixture fixture) : IClassFixture<JobTakeoverTests.Fixture>, IAsyncLifetime
{
    private const int Members = 400;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    private readonly LocalCluster _cluster = fixture.Cluster;
    private readonly ConcurrentQueue<string> _runners = fixture.Runners;
    private readonly ConcurrentQueue<string> _reconcilers = fixture.Reconcilers;

    /// <summary>Starts the replica that the other test has killed.</summary>
    public async ValueTask InitializeAsync()
    {
        foreach (var replica in _cluster.Replicas)
        {
            replica.Process.Start();
            replica.Process.AutoRestart = true;
            await replica.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task ExpiryJob_ItsReplicaIsKilled_AnotherContinues()
    {
        var members = await GrantShortLivedPointsAsync();
        using var admin = new PointsClient(_cluster.GatewayUrl, _cluster.AdminToken);
        (await admin.PutAsync("/api/admin/points/config/CLOCK_OFFSET_DAYS", new { configValue = "2" })).Expect(HttpStatusCode.OK);
        await Eventually.HoldsAsync(() => _runners.Count >= 5, "a replica runs the job");
        var runner = Assert.Single(_runners.Distinct());

        var victim = _cluster.Replicas.Single(replica => replica.Name == runner);
        victim.Process.AutoRestart = false;
        await victim.Process.KillAsync(Token);
        var left = await LotsToExpireAsync(members);
        Assert.InRange(left, 1, Members - 1);
        await Eventually.HoldsAsync(() => _runners.Any(source => source != runner), "another replica continues the job");

        await Eventually.HoldsAsync(async () => await LotsToExpireAsync(members) == 0, "all expired lots are posted");
        Assert.Single(_runners.Where(source => source != runner).Distinct());
        Assert.Equal(Members, await Books.CountAsync(
            _cluster.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE kind = 'EXPIRE' AND member_id = ANY ($1)", (object)members));
        await Books.AssertBalancedAsync(_cluster.ConnectionString, members);
    }

    [Fact]
    public async Task ReconcileAll_ItsReplicaIsKilled_AnotherContinuesAndNoSecondRunStartsMeanwhile()
    {
        using var first = new PointsClient(_cluster.Replicas[0].Url, _cluster.AdminToken);
        using var second = new PointsClient(_cluster.Replicas[1].Url, _cluster.AdminToken);
        var member = await first.CreateMemberAsync(1_000);

        // The run corrects a wrong balance. While the test holds that correction, the run cannot end. (It would wait for the row itself for 5 s only, and
        // then report the member as one that it could not check.)
        await using var database = NpgsqlDataSource.Create(_cluster.ConnectionString);
        await database.ExecuteAsync("UPDATE member_wallets SET balance = balance + 1 WHERE member_id = $1", member);
        await database.ExecuteAsync(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS 'BEGIN PERFORM pg_advisory_xact_lock(0); RETURN new; END'");
        await database.ExecuteAsync(
            $"CREATE TRIGGER hold BEFORE UPDATE ON member_wallets FOR EACH ROW WHEN (new.member_id = {member}) EXECUTE FUNCTION hold()");
        await using var held = await HeldTransaction.BeginAsync(_cluster.ConnectionString, "SELECT pg_advisory_xact_lock(0)");

        var begun = (await first.PostAsync("/api/admin/points/reconciliation/all", new { })).Expect(HttpStatusCode.Accepted);
        await held.WaitForWaitersAsync();
        var refused = (await second.PostAsync("/api/admin/points/reconciliation/all", new { })).Expect(HttpStatusCode.Locked);
        Assert.Equal("LOCK_NOT_ACQUIRED", refused.Code);
        Assert.True(refused.RetryAfter > TimeSpan.Zero);
        Assert.Contains(begun.Headers["Location"], refused.TextOf("detail"), StringComparison.Ordinal);

        var victim = _cluster.Replicas.Single(replica => replica.Name == Assert.Single(_reconcilers));
        victim.Process.AutoRestart = false;
        await victim.Process.KillAsync(Token);
        using var other = new PointsClient(_cluster.Replicas.First(replica => replica != victim).Url, _cluster.AdminToken);
        await held.RollbackAsync();
        Answer? run = null;
        await Eventually.HoldsAsync(
            async () => (run = (await other.GetAsync(begun.Headers["Location"])).Expect(HttpStatusCode.OK)).TextOf("status") == "COMPLETED",
            "another replica completes the run");
        Assert.Equal((1, true), (run!.NumberOf("corrected"), run.Json["resumed"]!.GetValue<bool>()));
        (await other.PostAsync("/api/admin/points/reconciliation/all", new { })).Expect(HttpStatusCode.Accepted);
    }

    private async Task<long[]> GrantShortLivedPointsAsync()
    {
        long[] members = [.. Enumerable.Range(0, Members).Select(_ => PointsClient.NewMember())];
        using var client = new PointsClient(_cluster.GatewayUrl);
        await Parallel.ForEachAsync(members, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (member, _) =>
            (await client.AccumulateAsync(member, 100, expirationDays: 1)).Expect(HttpStatusCode.Created));
        return members;
    }

    private Task<long> LotsToExpireAsync(long[] members) => Books.CountAsync(
        _cluster.ConnectionString, "SELECT count(*) FROM point_accumulations WHERE is_open AND member_id = ANY ($1)", (object)members);

    public sealed class Fixture : IAsyncLifetime
    {
        public LocalCluster Cluster { get; private set; } = null!;

        public ConcurrentQueue<string> Runners { get; } = new();

        public ConcurrentQueue<string> Reconcilers { get; } = new();

        public async ValueTask InitializeAsync() => Cluster = await ClusterFixture.StartOwnAsync(
            options =>
            {
                options.ApiEnvironment["Jobs__Lease"] = Lease.ToString("c");
                options.ApiEnvironment["Jobs__ExpiryInterval"] = "00:00:01";
                // One member per transaction, so that the run takes a while.
                options.ApiEnvironment["Jobs__ExpiryChunk"] = "1";
                options.ApiEnvironment["Reconciliation__Interval"] = "00:00:01";
                // A busy machine must not look like an unavailable lock store.
                options.ApiEnvironment["Locking__AttemptTimeout"] = "00:00:01";
                options.Log = line =>
                {
                    if (line.Text.Contains("Posted the expired points of", StringComparison.Ordinal))
                    {
                        Runners.Enqueue(line.Source);
                    }
                    if (line.Text.Contains("this replica works on it", StringComparison.Ordinal))
                    {
                        Reconcilers.Enqueue(line.Source);
                    }
                };
            },
            Token);

        public async ValueTask DisposeAsync() => await ClusterFixture.DeleteAsync(Cluster);
    }
}
