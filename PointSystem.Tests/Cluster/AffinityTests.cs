using System.Globalization;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.RegularExpressions;
using PointSystem.Gateway;
using PointSystem.Tests.Gateway;

namespace PointSystem.Tests.Cluster;

/// <summary>Members and their replicas, in a cluster of its own.</summary>
public sealed partial class AffinityTests(AffinityTests.Fixture fixture) : IClassFixture<AffinityTests.Fixture>
{
    private const int Members = 60;
    private readonly LocalCluster _cluster = fixture.Cluster;

    [Fact]
    public Task AnyRequestOfAMember_WhateverNamesIt_GoesToTheSameReplica() => WhileAllAreReadyAsync(async () =>
    {
        using var client = new PointsClient(_cluster.GatewayUrl, _cluster.AdminToken);
        var used = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            var member = PointsClient.NewMember();
            var lot = (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
            var usage = (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created);
            var transfer = (await client.TransferAsync(member, PointsClient.NewMember(), 5)).Expect(HttpStatusCode.Created);
            var cancellation = (await client.CancelUsageAsync(usage.TextOf("pointKey"), 1)).Expect(HttpStatusCode.OK);
            var other = (await client.AccumulateAsync(member, 1)).Expect(HttpStatusCode.Created);
            Answer[] answers =
            [
                lot, usage, transfer, cancellation, other,
                await client.CancelAccumulationAsync(other.TextOf("pointKey")),
                await client.GetAsync($"/api/points/balance/{member}"),
                await client.GetAsync($"/api/points/history/{member}?size=1"),
                await client.GetAsync($"/api/points/accumulations/{lot.TextOf("pointKey")}"),
                await client.GetAsync($"/api/points/use/{usage.TextOf("pointKey")}"),
                await client.GetAsync($"/api/points/use/{usage.TextOf("pointKey")}/details"),
                await client.GetAsync($"/api/points/cancellations/{cancellation.TextOf("pointKey")}"),
                await client.GetAsync($"/api/points/transfers/{transfer.TextOf("pointKey")}"),
                await client.PostAsync($"/api/admin/points/reconciliation/members/{member}", new { }),
            ];

            Assert.All(answers, answer => Assert.InRange((int)answer.Status, 200, 201));
            used.Add(Assert.Single(answers.Select(answer => answer.Headers["X-Replica"]).Distinct()));
        }

        // One of three replicas is left out once in a thousand.
        Assert.True(used.Count >= 2, string.Join(' ', used));
    });

    [Fact]
    public async Task AnotherGateway_SameAddresses_SendsEveryMemberToTheSameReplica()
    {
        // Other names in another order: what counts are the addresses.
        var upstreams = _cluster.Replicas.Reverse().Select(replica => new Upstream($"another name of {replica.Name}", replica.Url)).ToList();
        upstreams.ForEach(upstream => upstream.Set(UpstreamState.Ready));
        await using var gateway = await RunningGateway.StartAsync(upstreams);
        using var one = new PointsClient(_cluster.GatewayUrl);
        using var two = new PointsClient(gateway.Url);

        await WhileAllAreReadyAsync(async () =>
        {
            for (var i = 0; i < Members; i++)
            {
                var member = PointsClient.NewMember();
                Assert.Equal($"another name of {await ReplicaOfAsync(one, member)}", await ReplicaOfAsync(two, member));
            }
        });
        upstreams.ForEach(upstream => upstream.Dispose());
    }

    [Fact]
    public async Task ReplicaKilled_OnlyItsMembersMoveToTheNextInTheirOrder_AndGetBackWhenItReturns()
    {
        var members = Enumerable.Range(0, Members).Select(_ => PointsClient.NewMember()).ToList();
        using var client = new PointsClient(_cluster.GatewayUrl);
        var home = members.ToDictionary(member => member, member => OrderOf(member)[0]);
        var victim = _cluster.Replicas[1];
        Assert.Contains(victim.Name, home.Values);
        await AreAtAsync(client, home);
        var (moved, spilled) = (await SentAsync(client, GatewayMetrics.Moved), await SentAsync(client, GatewayMetrics.Spilled));

        victim.Process.AutoRestart = false;
        await victim.Process.KillAsync(Token);
        try
        {
            await AreAtAsync(client, members.ToDictionary(member => member, member => home[member] == victim.Name ? OrderOf(member)[1] : home[member]));

            // What /metrics answers may be some tenths of a second old.
            var ofVictim = home.Values.Count(name => name == victim.Name);
            await Eventually.HoldsAsync(
                async () => await SentAsync(client, GatewayMetrics.Moved) >= moved + ofVictim, "the requests of the victim's members count as moved");
        }
        finally
        {
            // Otherwise every later test of the class would find it missing.
            victim.Process.AutoRestart = true;
            victim.Process.Start();
            await victim.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        }
        await AreAtAsync(client, home);
        Assert.Equal(spilled, await SentAsync(client, GatewayMetrics.Spilled));
    }

    [Theory]
    [InlineData("""{"memberId":"7","orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":7.0,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":0,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":9223372036854775808,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":7,"memberId":8,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":7,"fromMemberId":8,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"memberId":7,"orderNumber":"A1","amount":5""")]
    [InlineData("""{"memberId":{"memberId":7},"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"MemberId":7,"orderNumber":"A1","amount":5}""")]
    [InlineData("""{"\ud800":7,"memberId":7}""")]
    [InlineData("""[{"memberId":7}]""")]
    [InlineData("memberId=7")]
    [InlineData("7")]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("""{"memberId":7,"orderNumber":"A1","amount":5}""", "text/plain")]
    [InlineData("""{"memberId":7,"orderNumber":"A1","amount":5}""", "application/json; charset=utf-16")]
    public async Task Post_BodyThatTheApiRefuses_GetsTheApisOwnAnswer(string body, string type = "application/json")
    {
        using var straight = new PointsClient(_cluster.Replicas[0].Url);
        using var through = new PointsClient(_cluster.GatewayUrl);

        var expected = await SendAsync(straight);
        var answer = await SendAsync(through);

        Assert.InRange((int)expected.Status, 400, 499);
        Assert.Equal((expected.Status, expected.ContentType, WithoutTrace(expected)), (answer.Status, answer.ContentType, WithoutTrace(answer)));

        Task<Answer> SendAsync(PointsClient client)
        {
            var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            return client.PostAsync("/api/points/use", content);
        }

        static string WithoutTrace(Answer answer)
        {
            var problem = answer.Json.AsObject();
            Assert.True(problem.Remove("traceId"));
            return problem.ToJsonString();
        }
    }

    [Theory]
    [InlineData("\uFEFF{\"memberId\":§,\"amount\":5}")]
    [InlineData("""{"amount":5,"member\u0049d":§}""")]
    [InlineData("{\"reason\":\"한글 🎁\",\r\n\t\"amount\" : 5 , \"memberId\" :\t§ }")]
    public Task Post_UnusualSpellings_FindTheMembersReplica(string body) => WhileAllAreReadyAsync(async () =>
    {
        using var client = new PointsClient(_cluster.GatewayUrl);
        for (var i = 0; i < 8; i++)
        {
            var member = PointsClient.NewMember();
            var text = body.Replace("§", $"{member}", StringComparison.Ordinal);
            var content = new StringContent(text, Encoding.UTF8, "application/json");
            var answer = (await client.PostAsync("/api/points/accumulate", content)).Expect(HttpStatusCode.Created);

            Assert.Equal(OrderOf(member)[0], answer.Headers["X-Replica"]);
            Assert.Equal(member, answer.NumberOf("memberId"));
        }
    });

    private static async Task<string> ReplicaOfAsync(PointsClient client, long member) =>
        (await client.GetAsync($"/api/points/balance/{member}")).Expect(HttpStatusCode.OK).Headers["X-Replica"];

    /// <summary>Waits until each member's replica is the one that it should be: the gateway has to notice who comes and goes.</summary>
    private static Task AreAtAsync(PointsClient client, IReadOnlyDictionary<long, string> replicas) => Eventually.HoldsAsync(
        async () =>
        {
            foreach (var (member, replica) in replicas)
            {
                if (await ReplicaOfAsync(client, member) != replica)
                {
                    return false;
                }
            }
            return true;
        },
        "every member is answered by the first in its order that is there");

    /// <summary>
    /// Again, up to four times, because the gateway may take a replica for hanging on a busy machine. Each attempt sends so many requests that
    /// a gateway which chooses wrongly would fail in every one.
    /// </summary>
    private static async Task WhileAllAreReadyAsync(Func<Task> test)
    {
        for (var attempt = 1; await Record.ExceptionAsync(test) is { } failure; attempt++)
        {
            if (attempt == 5)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    /// <summary>What the gateway tells Prometheus.</summary>
    private static async Task<long> SentAsync(PointsClient client, string choice)
    {
        var metrics = (await client.GetAsync("/metrics")).Expect(HttpStatusCode.OK).Text;
        var line = Requests().Matches(metrics).Single(line => line.Groups["choice"].Value == choice);
        return long.Parse(line.Groups["count"].Value, CultureInfo.InvariantCulture);
    }

    private List<string> OrderOf(long member) =>
        [.. _cluster.Replicas.OrderByDescending(replica => Rendezvous.Score(Rendezvous.Seed(replica.Url), member)).Select(replica => replica.Name)];

    [GeneratedRegex("""^pointsystem_gateway_requests_total\{[^}]*choice="(?<choice>\w+)"[^}]*\} (?<count>\d+)""", RegexOptions.Multiline)]
    private static partial Regex Requests();

    public sealed class Fixture : IAsyncLifetime
    {
        public LocalCluster Cluster { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Cluster = await ClusterFixture.StartOwnAsync(_ => { }, Token);

        public async ValueTask DisposeAsync() => await ClusterFixture.DeleteAsync(Cluster);
    }
}
