using System.Net;

namespace PointSystem.Tests.Cluster;

/// <summary>What <c>/api/admin/locks</c> shows an operator.</summary>
public sealed class LocksTests(ClusterFixture clusters)
{
    [Fact]
    public async Task Locks_AfterWrites_ShowModeBreakerAndTheLastMinute()
    {
        var cluster = await clusters.GetAsync(Token);
        using var client = new PointsClient(cluster.Replicas[0].Url, cluster.AdminToken);
        await client.CreateMemberAsync(100);

        var locks = (await client.GetAsync("/api/admin/locks")).Expect(HttpStatusCode.OK).Json;

        Assert.Equal("api-1", locks["replica"]!.GetValue<string>());
        Assert.Equal("distributed", locks["mode"]!.GetValue<string>());
        Assert.Equal(100, locks["canaryPercent"]!.GetValue<int>());
        Assert.Contains(locks["breaker"]!["state"]!.GetValue<string>(), (string[])["closed", "open"]);
        Assert.True(locks["lastMinute"]!["executed"]!.GetValue<long>() >= 1, locks.ToJsonString());
        Assert.Equal(0, locks["lastMinute"]!["failed"]!.GetValue<long>());
    }

    [Fact]
    public async Task Locks_WithoutTheAdminRole_AreRefused()
    {
        var cluster = await clusters.GetAsync(Token);
        using var anonymous = new PointsClient(cluster.GatewayUrl);
        using var member = new PointsClient(cluster.GatewayUrl, cluster.CreateToken("member-7", [], TimeSpan.FromMinutes(5)));

        Assert.Equal("UNAUTHORIZED", (await anonymous.GetAsync("/api/admin/locks")).Expect(HttpStatusCode.Unauthorized).Code);
        Assert.Equal("FORBIDDEN", (await member.GetAsync("/api/admin/locks")).Expect(HttpStatusCode.Forbidden).Code);
    }
}
