using System.Net;
using System.Text;

namespace PointSystem.Tests.Cluster;

/// <summary>Bad input through the gateway to three replicas is answered as by one replica alone (Api/BadInputTests).</summary>
public sealed class BadInputTests(ClusterFixture clusters)
{
    [Theory]
    [InlineData("/api/points/use", """{"memberId":1,"orderNumber":"A1","amount":9223372036854775808}""", "INVALID_AMOUNT", "amount")]
    [InlineData("/api/points/transfer", """{"fromMemberId":1,"toMemberId":1,"amount":5}""", "INVALID_REQUEST", "toMemberId")]
    [InlineData("/api/points/accumulate", """{"memberId":1,"ammount":5}""", "INVALID_AMOUNT", "ammount")]
    [InlineData("/api/points/accumulate", "{\"a\":", "INVALID_REQUEST", "body")]
    [InlineData("/api/points/history/1?kind=use", null, "INVALID_REQUEST", "kind")]
    public async Task BadInput_ThroughTheGateway_IsNamed(string path, string? body, string code, string field)
    {
        var cluster = await clusters.GetAsync(Token);
        using var client = new PointsClient(cluster.GatewayUrl);
        for (var replica = 0; replica < 3; replica++)
        {
            var answer = body is null ? await client.GetAsync(path) : await client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));

            Assert.Equal(code, answer.Expect(HttpStatusCode.BadRequest).Code);
            Assert.StartsWith("application/problem+json", answer.ContentType, StringComparison.Ordinal);
            Assert.NotNull(answer.Json["errors"]![field]);
        }
    }
}
