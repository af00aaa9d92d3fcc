using System.Net;

namespace PointSystem.Tests.Cluster;

public sealed class ReconciliationHttpTests(ClusterFixture clusters)
{
    private const string Base = "/api/admin/points/reconciliation";

    [Fact]
    public async Task Reconciliation_WithoutTheAdminRole_IsRefused()
    {
        var cluster = await clusters.GetAsync(Token);
        using var anonymous = new PointsClient(cluster.GatewayUrl);
        foreach (var path in new[] { $"{Base}/members/1", $"{Base}/all" })
        {
            Assert.Equal("UNAUTHORIZED", (await anonymous.PostAsync(path, new { })).Expect(HttpStatusCode.Unauthorized).Code);
        }

        (await anonymous.GetAsync($"{Base}/all")).Expect(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task ReconcileMember_SameIdempotencyKey_RepeatsTheFirstReport()
    {
        var cluster = await clusters.GetAsync(Token);
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
    public async Task ReconcileAll_Started_RunsInTheBackgroundAndShowsItsProgress()
    {
        var cluster = await clusters.GetAsync(Token);
        using var admin = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
        await admin.CreateMemberAsync(100);
        var key = Guid.NewGuid().ToString("n");

        var begun = (await admin.PostAsync($"{Base}/all", new { }, key)).Expect(HttpStatusCode.Accepted);
        Assert.Equal(("RUNNING", 0), (begun.TextOf("status"), begun.NumberOf("members")));
        Assert.Equal($"{Base}/all/{begun.NumberOf("runId")}", begun.Headers["Location"]);
        Answer? run = null;
        await Eventually.HoldsAsync(
            async () => (run = (await admin.GetAsync(begun.Headers["Location"])).Expect(HttpStatusCode.OK)).TextOf("status") == "COMPLETED",
            "the run is completed");

        Assert.Equal((0, 0), (run!.NumberOf("broken"), run.NumberOf("failed")));
        Assert.Equal(run.NumberOf("members"), run.NumberOf("matched"));
        Assert.Equal(run.Text, (await admin.GetAsync($"{Base}/all")).Expect(HttpStatusCode.OK).Text);
        var again = (await admin.PostAsync($"{Base}/all", new { }, key)).Expect(HttpStatusCode.Accepted);
        Assert.Equal((begun.Text, begun.Headers["Location"]), (again.Text, again.Headers["Location"]));
        foreach (var nothing in new[] { "0", "-1", "x", "99999999999999999999" })
        {
            Assert.Equal("NOT_FOUND", (await admin.GetAsync($"{Base}/all/{nothing}")).Expect(HttpStatusCode.NotFound).Code);
        }
    }
}
