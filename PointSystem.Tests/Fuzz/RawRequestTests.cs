using System.Text;

namespace PointSystem.Tests.Fuzz;

/// <summary>Requests that were answered wrongly once, sent to a replica and to the gateway as they stand.</summary>
public sealed class RawRequestTests(ClusterFixture clusters)
{
    private const string Chunked = "POST /api/points/use HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    [Theory]
    [InlineData(Chunked + "ffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400, "INVALID_REQUEST", "framed")]
    [InlineData(Chunked + "zz\r\n{}\r\n0\r\n\r\n", 400, "INVALID_REQUEST", "framed")]
    [InlineData("GET /api/points/balance/7 HTTP/1.1\r\nHost: \r\n\r\n", 200, "", "\"memberId\":7")]
    [InlineData("GET /api/points/balance/7 HTTP/1.1\r\nHost: evil.test:99999\r\n\r\n", 200, "", "\"memberId\":7")]
    [InlineData(
        "POST /api/points/use HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n"
        + "{}", 400, "INVALID_AMOUNT", "orderNumber")]
    [InlineData("GET /openapi/v2.json HTTP/1.1\r\nHost: x\r\n\r\n", 404, "NOT_FOUND", "/scalar")]
    [InlineData("GET /api/points/balance/7?=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "INVALID_REQUEST", "a parameter without a name")]
    [InlineData("GET /api/points/balance/7 HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \u00e9\r\n\r\n", 400, "", "")]
    public async Task Request_AsItStands_GetsTheSameAnswerOnBothSides(string request, int status, string code, string part)
    {
        var cluster = await clusters.GetAsync(Token);
        foreach (var address in new[] { cluster.Replicas[0].Url, cluster.GatewayUrl })
        {
            using var connection = await RawConnection.OpenAsync(address, Token);

            var answer = await connection.ExchangeAsync(new FuzzRequest { Operation = "", Method = "", Bytes = Encoding.Latin1.GetBytes(request) }, Token);

            Assert.NotNull(answer);
            Assert.Equal((status, code), (answer.Status, answer.Code));
            Assert.Contains(part, answer.Text, StringComparison.Ordinal);
        }
    }
}
