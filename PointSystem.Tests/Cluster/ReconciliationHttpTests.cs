using System.Net;

namespace PointSystem.Tests.Cluster;

public sealed class ReconciliationHttpTests(ClusterFixture clusters)
{
    private const string Base = "/api/admin/points/reconciliation";

    [Fact]
    public async Task Reconciliation_WithoutTheAdminRole_IsRefused()
    {
        var cluster = await clusters.GetAsync(TestContext.Current.CancellationToken);
        using var nobody = new PointsClient(cluster.GatewayUrl);
        foreach (var path in new[] { $"{Base}/members/1", $"{Base}/all" })
        {
            Assert.Equal("UNAUTHORIZED", (await nobody.PostAsync(path, new { })).Expect(HttpStatusCode.Unauthorized).Code);
        }

        (await nobody.GetAsync($"{Base}/all")).Expect(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task ReconcilingAMember_WithAnIdempotencyKey_RepeatsTheFirstReport()
    {
        var cluster = await clusters.GetAsync(TestContext.Current.CancellationToken);
        using var admin = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
        var (member, key) = (PointsClient.NewMember(), Guid.NewGuid().ToString("n"));
        var first = (await admin.PostAsync($"{Base}/members/{member}", new { }, key)).Expect(HttpStatusCode.OK);
        Assert.Equal(("MATCHED", 0), (first.TextOf("status"), first.NumberOf("walletBalance")));
        await admin.AccumulateAsync(member, 100);

        var again = (await admin.PostAsync($"{Base}/members/{member}", new { }, key)).Expect(HttpStatusCode.OK);

        Assert.Equal(first.Text, again.Text);
        Assert.Equal("true", again.Headers["Idempotency-Replayed"]);
        var reused = await admin.PostAsync($"{Base}/members/{member + 1}", new { }, key);
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", reused.Expect(HttpStatusCode.UnprocessableEntity).Code);
    }

    [Fact]
    public async Task ReconcilingAll_Done_ShowsInItsProgress()
    {
        var cluster = await clusters.GetAsync(TestContext.Current.CancellationToken);
        using var admin = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
        (await admin.AccumulateAsync(PointsClient.NewMember(), 100)).Expect(HttpStatusCode.Created);

        var run = (await admin.PostAsync($"{Base}/all", new { })).Expect(HttpStatusCode.OK);
        var seen = (await admin.GetAsync($"{Base}/all")).Expect(HttpStatusCode.OK);

        Assert.Equal(("COMPLETED", 0), (run.TextOf("status"), run.NumberOf("broken")));
        Assert.Equal(run.NumberOf("runId"), seen.NumberOf("runId"));
        Assert.Equal(run.NumberOf("members"), seen.NumberOf("matched"));
    }
}
