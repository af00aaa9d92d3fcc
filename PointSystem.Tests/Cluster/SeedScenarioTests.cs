using System.Net;

namespace PointSystem.Tests.Cluster;

/// <summary>The scenarios of the original requirements, over HTTP against three replica processes.</summary>
public sealed class SeedScenarioTests(ClusterFixture clusters)
{
    [Fact]
    public async Task Use_OneMemberOverThreeReplicas_SpendsEachPointOnce()
    {
        var cluster = await clusters.GetAsync(Token);
        var member = PointsClient.NewMember();
        var replicas = cluster.Replicas.Select(replica => new PointsClient(replica.Url)).ToList();
        (await replicas[0].AccumulateAsync(member, 10_000)).Expect(HttpStatusCode.Created);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => replicas[i % replicas.Count].UseAsync(member, $"A{i}", 1_000)));

        Assert.Equal(10, answers.Count(answer => answer.Status == HttpStatusCode.Created));
        Assert.Equal(10, answers.Count(answer => answer.Status == HttpStatusCode.UnprocessableEntity && answer.Code == "INSUFFICIENT_POINT"));
        Assert.All(replicas, replica => Assert.Equal(0, replica.BalanceAsync(member).Result));
        Assert.Equal(11, await Books.CountAsync(cluster.ConnectionString, "SELECT count(*) FROM point_ledger_entries WHERE member_id = $1", member));
        await Books.AssertBalancedAsync(cluster.ConnectionString, member);
        replicas.ForEach(replica => replica.Dispose());
    }

    [Fact]
    public async Task Transfer_AmongThreeMembersOverThreeReplicas_NeitherDeadlocksNorLosesPoints()
    {
        var cluster = await clusters.GetAsync(Token);
        long[] members = [PointsClient.NewMember(), PointsClient.NewMember(), PointsClient.NewMember()];
        var replicas = cluster.Replicas.Select(replica => new PointsClient(replica.Url)).ToList();
        foreach (var member in members)
        {
            (await replicas[0].AccumulateAsync(member, 1_000)).Expect(HttpStatusCode.Created);
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i =>
            replicas[i % 3].TransferAsync(members[i % 3], members[(i + 1 + (i / 3 % 2)) % 3], 10)));

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.Created));
        var balances = await Task.WhenAll(members.Select(replicas[1].BalanceAsync));
        Assert.Equal(3_000, balances.Sum());
        await Books.AssertBalancedAsync(cluster.ConnectionString, members);
        replicas.ForEach(replica => replica.Dispose());
    }

    [Fact]
    public async Task SameIdempotencyKey_SentToAllReplicasAtOnce_HasOneEffectAndOneAnswer()
    {
        var cluster = await clusters.GetAsync(Token);
        var member = PointsClient.NewMember();
        var replicas = cluster.Replicas.Select(replica => new PointsClient(replica.Url)).ToList();
        (await replicas[0].AccumulateAsync(member, 1_000)).Expect(HttpStatusCode.Created);

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => replicas[i % 3].UseAsync(member, "A1", 100, $"once-{member}")));

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.Created));
        Assert.Single(answers.Select(answer => answer.Text).Distinct());
        Assert.Equal(11, answers.Count(answer => answer.Headers.ContainsKey("Idempotency-Replayed")));
        Assert.Equal(900, await replicas[2].BalanceAsync(member));

        var reused = await replicas[1].UseAsync(member, "A1", 101, $"once-{member}");
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", reused.Expect(HttpStatusCode.UnprocessableEntity).Code);
        replicas.ForEach(replica => replica.Dispose());
    }

    /// <summary>The example of docs/rules.md: grant A and B, use both, A expires, cancel a part.</summary>
    [Fact]
    public async Task CancelUsage_OneOfItsLotsHasExpired_RegrantsThatPartAndRestoresTheOther()
    {
        // The clock offset applies to every member, so the test needs a cluster of its own.
        var cluster = await ClusterFixture.StartOwnAsync(options => options.Replicas = 1, Token);
        try
        {
            using var client = new PointsClient(cluster.GatewayUrl, cluster.AdminToken);
            var member = PointsClient.NewMember();
            var a = (await client.AccumulateAsync(member, 1_000, expirationDays: 1)).Expect(HttpStatusCode.Created).TextOf("pointKey");
            var b = (await client.AccumulateAsync(member, 500)).Expect(HttpStatusCode.Created).TextOf("pointKey");
            var usage = (await client.UseAsync(member, "A1234", 1_200)).Expect(HttpStatusCode.Created);
            Assert.Equal([(a, 1_000L), (b, 200L)], Parts(usage, "usageDetails", "accumulationKey"));
            Assert.Equal(300, await client.BalanceAsync(member));

            (await client.PutAsync("/api/admin/points/config/CLOCK_OFFSET_DAYS", new { configValue = "2" })).Expect(HttpStatusCode.OK);
            var cancelled = (await client.CancelUsageAsync(usage.TextOf("pointKey"), 1_100)).Expect(HttpStatusCode.OK);

            Assert.Equal(1_100, cancelled.NumberOf("cancelledAmount"));
            Assert.Equal([(b, 100L)], Parts(cancelled, "restored", "accumulationKey"));
            Assert.Equal([(a, 1_000L)], Parts(cancelled, "regranted", "expiredAccumulationKey"));
            Assert.Equal("PARTIALLY_CANCELLED", cancelled.Json["usage"]!["status"]!.GetValue<string>());
            Assert.Equal(1_400, await client.BalanceAsync(member));

            var e = (await client.GetAsync($"/api/points/accumulations/{cancelled.Json["regranted"]![0]!["accumulationKey"]}")).Expect(HttpStatusCode.OK);
            Assert.Equal(a, e.TextOf("sourcePointKey"));
            Assert.Equal(1_000, e.NumberOf("availableAmount"));
            var trace = (await client.GetAsync($"/api/points/use/{usage.TextOf("pointKey")}")).Expect(HttpStatusCode.OK);
            Assert.Equal(1_100, trace.NumberOf("cancelledAmount"));
            Assert.Equal("ALREADY_CANCELLED", await CodeAfterCancellingTheRestAsync(client, usage.TextOf("pointKey")));
            await Books.AssertBalancedAsync(cluster.ConnectionString, member);
        }
        finally
        {
            await ClusterFixture.DeleteAsync(cluster);
        }
    }

    private static async Task<string> CodeAfterCancellingTheRestAsync(PointsClient client, string usage)
    {
        Assert.Equal("EXCEEDED_CANCEL_AMOUNT", (await client.CancelUsageAsync(usage, 101)).Expect(HttpStatusCode.UnprocessableEntity).Code);
        Assert.Equal(100, (await client.CancelUsageAsync(usage)).Expect(HttpStatusCode.OK).NumberOf("cancelledAmount"));
        return (await client.CancelUsageAsync(usage)).Expect(HttpStatusCode.Conflict).Code;
    }

    private static List<(string Key, long Amount)> Parts(Answer answer, string array, string key) =>
        [.. answer.Json[array]!.AsArray().Select(part => (part![key]!.GetValue<string>(), part["amount"]!.GetValue<long>()))];
}
