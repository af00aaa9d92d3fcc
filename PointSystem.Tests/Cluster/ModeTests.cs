using System.Collections.Concurrent;
using System.Net;
using PointSystem.Local.Cluster;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Cluster;

/// <summary>One member, 100 callers, three replica processes: every mode gives the same books.</summary>
public sealed class ModeTests
{
    private const int Uses = 2_000;
    private const int Callers = 100;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task UsesOfOneMember_InEveryModeAndWhileModesChange_AllSucceedOnce()
    {
        var cluster = await ClusterFixture.StartOwnAsync(_ => { }, Token);
        try
        {
            using var admin = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
            foreach (var mode in new[] { "distributed", "adaptive", "row" })
            {
                await SetAsync(admin, "LOCKING_MODE", mode);
                await SpendAsync(cluster, admin, () => Task.CompletedTask);
            }

            await SpendAsync(cluster, admin, async () =>
            {
                foreach (var (key, value) in new[]
                {
                    ("LOCKING_MODE", "distributed"), ("LOCKING_CANARY_PERCENT", "10"), ("LOCKING_CANARY_PERCENT", "50"), ("LOCKING_CANARY_PERCENT", "100"),
                    ("LOCKING_MODE_USE", "row"), ("LOCKING_MODE_USE", "adaptive"), ("LOCKING_MODE_USE", "default"),
                })
                {
                    await SetAsync(admin, key, value);
                }
            });
        }
        finally
        {
            await ClusterFixture.DeleteAsync(cluster);
        }
    }

    [Fact]
    public async Task UsesOfOneMember_OneReplicaInFallbackOneDistributedOneRow_AllSucceedOnce()
    {
        var cluster = await ClusterFixture.StartOwnAsync(
            options => options.ReplicaEnvironment = name => new Dictionary<string, string?> { ["Locking__Mode"] = name == "api-3" ? "row" : "distributed" }, Token);
        try
        {
            cluster.Replicas[0].Sidecar.AutoRestart = false;
            await cluster.Replicas[0].Sidecar.KillAsync(Token);
            using var admin = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
            await SpendAsync(cluster, admin, () => Task.CompletedTask);
        }
        finally
        {
            await ClusterFixture.DeleteAsync(cluster);
        }
    }

    private static async Task SetAsync(PointsClient admin, string key, string value) =>
        (await admin.PutAsync($"/api/admin/points/config/{key}", new { configValue = value })).Expect(HttpStatusCode.OK);

    private static async Task SpendAsync(LocalCluster cluster, PointsClient admin, Func<Task> meanwhile)
    {
        var member = PointsClient.NewMember();
        (await admin.AccumulateAsync(member, Uses)).Expect(HttpStatusCode.Created);
        var replicas = cluster.Replicas.Select(replica => new PointsClient(replica.Url)).ToList();
        var answers = new ConcurrentQueue<Answer>();
        var next = 0;
        var callers = Enumerable.Range(0, Callers).Select(async caller =>
        {
            int number;
            while ((number = Interlocked.Increment(ref next)) <= Uses)
            {
                var key = $"mode-{member}-{number}";
                var answer = await replicas[caller % 3].UseAsync(member, $"A{number}", 1, key);
                while (answer.Status == HttpStatusCode.Locked)
                {
                    // A busy machine can outlast a wait; a client does what Retry-After says, with the same key.
                    await Task.Delay(answer.RetryAfter, Token);
                    answer = await replicas[caller % 3].UseAsync(member, $"A{number}", 1, key);
                }

                answers.Enqueue(answer);
            }
        }).ToList();
        await meanwhile();
        await Task.WhenAll(callers);

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.Created));
        Assert.Equal(0, await admin.BalanceAsync(member));
        Assert.Equal(Uses + 1, await Books.CountAsync(cluster.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE member_id = $1", member));
        Assert.Equal(Uses + 1, await Books.CountAsync(cluster.ConnectionString, "SELECT max(sequence) FROM point_ledger_entries WHERE member_id = $1", member));
        await Books.AssertBalancedAsync(cluster.ConnectionString, member);
        replicas.ForEach(replica => replica.Dispose());
    }
}
