using System.Net;
using System.Text;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>A member's requests through the gateway, before replicas that can break off at any point. The whole cluster: Cluster/AffinityTests.</summary>
public sealed class AffinityTests
{
    [Fact]
    public async Task Post_FirstInTheOrderBreaksOff_TheNextInTheOrderAnswers()
    {
        var breaking = "";
        FakeReplica Replica(string name) => FakeReplica.Start(name, _ => name == Volatile.Read(ref breaking) ? null : name);
        await using var one = Replica("api-1");
        await using var two = Replica("api-2");
        await using var three = Replica("api-3");
        await using var four = Replica("api-4");
        FakeReplica[] replicas = [one, two, three, four];
        await using var gateway = await RunningGateway.StartAsync(replicas);
        using var client = new HttpClient { BaseAddress = gateway.Url };

        for (var member = 1; member <= 40; member++)
        {
            var order = replicas.OrderByDescending(replica => replica.Upstream.ScoreOf(member)).ToList();
            Volatile.Write(ref breaking, order[0].Upstream.Name);

            Assert.Equal(order[1].Upstream.Name, await UseAsync(client, member, key: $"key-{member}"));
            Assert.Contains($"\"memberId\":{member}}}", order[0].Received.Last(), StringComparison.Ordinal);
            Assert.DoesNotContain(
                order[2].Received.Concat(order[3].Received), request => request.Contains($"\"memberId\":{member}}}", StringComparison.Ordinal));
        }
        Assert.All(replicas, replica => Assert.Equal(0, replica.Upstream.InFlight));
    }

    [Fact]
    public async Task Post_AffinityNone_TakesTurns()
    {
        await using var one = FakeReplica.Healthy("api-1");
        await using var two = FakeReplica.Healthy("api-2");
        await using var gateway = await RunningGateway.StartAsync([one.Upstream, two.Upstream], "--Gateway:Affinity=None");
        using var client = new HttpClient { BaseAddress = gateway.Url };

        var names = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            names.Add(await UseAsync(client, member: 7));
        }

        Assert.Equal(3, names.Count(name => name == "api-1"));
        Assert.Equal(3, names.Count(name => name == "api-2"));
    }

    [Fact]
    public async Task Any_EveryKindOfEnd_LeavesNothingInFlight()
    {
        var end = "";
        await using var one = FakeReplica.Start("api-1", _ => Volatile.Read(ref end) switch { "break" => null, "hang" => FakeReplica.Hang, _ => "api-1" });
        await using var gateway = await RunningGateway.StartAsync(one);
        using var client = new HttpClient { BaseAddress = gateway.Url };

        await UseAsync(client, 7);
        await client.GetStringAsync("/x", Token);
        Volatile.Write(ref end, "break");
        using (var broken = await client.PostAsync("/api/points/use", Body(7), Token))
        {
            Assert.Equal(HttpStatusCode.BadGateway, broken.StatusCode);
        }
        Volatile.Write(ref end, "hang");
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var pending = client.PostAsync("/api/points/use", Body(7), gone.Token);
        await Infrastructure.Eventually.HoldsAsync(() => one.Upstream.InFlight == 1, "the request is in flight");
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pending);

        await Infrastructure.Eventually.HoldsAsync(() => one.Upstream.InFlight == 0, "nothing is in flight");
        // Nothing of the member either: beyond every bound it would be let in otherwise.
        Assert.False(one.Upstream.TryEnter(7, limit: 0));
    }

    private static StringContent Body(long member) => new($$"""{"memberId":{{member}}}""", Encoding.UTF8, "application/json");

    private static async Task<string> UseAsync(HttpClient client, long member, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/points/use") { Content = Body(member) };
        if (key is not null)
        {
            request.Headers.Add(RetryRules.IdempotencyKey, key);
        }
        using var response = await client.SendAsync(request, Token);
        return await response.Content.ReadAsStringAsync(Token);
    }
}
