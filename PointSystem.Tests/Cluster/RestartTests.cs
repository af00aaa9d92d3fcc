using System.Net;

namespace PointSystem.Tests.Cluster;

/// <summary>Replicas stop by SIGTERM under load: accepted requests are applied once and answered, and no lock is left behind.</summary>
public sealed class RestartTests(RestartTests.Fixture fixture) : IClassFixture<RestartTests.Fixture>
{
    private readonly LocalCluster _cluster = fixture.Cluster;

    [Fact]
    public async Task Sigterm_UnderLoad_AcceptedRequestsAreAnsweredAndNoOthersAreApplied()
    {
        Needs.Signals();
        var members = await MembersAsync(8);
        var replica = _cluster.Replicas[1];
        replica.Process.AutoRestart = false;
        using var client = new PointsClient(replica.Url);

        await using var load = new OrderLoad(replica.Url, members, callers: 64);
        await load.UntilAnsweredAsync(300);
        Native.Signal(replica.Process.ProcessId!.Value, Native.SigTerm);
        await Eventually.HoldsAsync(async () => await ReadyAsync(client) == HttpStatusCode.ServiceUnavailable, "the replica is not ready");
        var seenAsStopping = load.Answered.Count;
        await load.AllStoppedAsync();
        await Eventually.HoldsAsync(() => !replica.Process.IsRunning, "the replica has ended");

        Assert.Equal(0, replica.Process.ExitCode);
        Assert.True(load.Answered.Count > seenAsStopping, "It served no request between becoming unready and closing its port.");
        Assert.Empty(load.Failed);
        await AssertAppliedOnceAsync(load, members);
        // The other replicas got no requests but may run a job, and keep locks of an earlier test's members.
        var locks = await RedisProbe.LocksAsync(_cluster.RedisAddress);
        Assert.DoesNotContain(locks, key => members.Any(member => key.EndsWith($"||point:use:member:{member}", StringComparison.Ordinal)));

        replica.Process.AutoRestart = true;
        replica.Process.Start();
        await replica.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
    }

    [Fact]
    public async Task RollingRestart_UnderLoad_FailsNoRequestAndAppliesNoneTwice()
    {
        Needs.Signals();
        var members = await MembersAsync(40);
        var before = _cluster.Replicas.Select(replica => replica.Process.ProcessId).ToList();

        await using var load = new OrderLoad(_cluster.GatewayUrl, members, callers: 20, pause: TimeSpan.FromMilliseconds(50));
        await load.UntilAnsweredAsync(500);
        await _cluster.RestartReplicasAsync(Token);
        await load.UntilAnsweredAsync(500);
        await load.StopAsync();

        Assert.Empty(load.Failed);
        Assert.Empty(load.Unanswered);
        await AssertAppliedOnceAsync(load, members);
        Assert.All(_cluster.Replicas, replica => Assert.Equal(0, replica.Process.ExitCode));
        Assert.Empty(before.Intersect(_cluster.Replicas.Select(replica => replica.Process.ProcessId)));
    }

    private static async Task<HttpStatusCode?> ReadyAsync(PointsClient client)
    {
        try
        {
            return (await client.GetAsync("/health/ready")).Status;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private async Task<long[]> MembersAsync(int count)
    {
        using var client = new PointsClient(_cluster.GatewayUrl);
        var members = await client.CreateMembersAsync(count, 100_000);
        return members;
    }

    /// <summary>The database has each answered order once, and no other.</summary>
    private async Task AssertAppliedOnceAsync(OrderLoad load, long[] members)
    {
        var done = await Books.TextsAsync(_cluster.ConnectionString, "SELECT order_number FROM point_usages WHERE member_id = ANY ($1)", (object)members);
        Assert.Empty(done.Except(load.Answered));
        Assert.Empty(load.Answered.Except(done));
        Assert.Equal(load.Answered.Count, done.Count);
        await Books.AssertBalancedAsync(_cluster.ConnectionString, members);
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public LocalCluster Cluster { get; private set; } = null!;

        public async ValueTask InitializeAsync() =>
            Cluster = await ClusterFixture.StartOwnAsync(
                options =>
                {
                    options.PoolSize = 12;
                    options.ApiEnvironment[ChildSettings.WarmUpLimit] = "00:00:10";
                },
                Token);

        public async ValueTask DisposeAsync() => await ClusterFixture.DeleteAsync(Cluster);
    }
}
