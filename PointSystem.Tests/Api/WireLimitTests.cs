using System.Net;
using System.Net.Sockets;
using System.Text;
using PointSystem.Gateway;
using PointSystem.Tests.Gateway;

namespace PointSystem.Tests.Api;

/// <summary>Slow and oversized requests, byte by byte, at a replica and at the gateway.</summary>
[Collection(ApiTests.Name)]
public sealed class WireLimitTests(ApiFixture api)
{
    private const string Use = "POST /api/points/use HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";

    /// <summary>Kestrel allows a few seconds, and then requires 240 bytes a second. All at the same time, because it takes that long.</summary>
    [Fact]
    public Task WhatTrickles_Is408AndNothingIsDone() => Task.WhenAll(
        BodyThatTricklesAsync(true, "Content-Length: 100\r\n\r\n"),
        BodyThatTricklesAsync(true, "Transfer-Encoding: chunked\r\n\r\n40\r\n"),
        BodyThatTricklesAsync(false, "Content-Length: 100\r\n\r\n"),
        BodyThatTricklesAsync(false, "Transfer-Encoding: chunked\r\n\r\n40\r\n"),
        HeadersThatTrickleAsync(true),
        HeadersThatTrickleAsync(false));

    private async Task BodyThatTricklesAsync(bool throughGateway, string rest)
    {
        await using var target = await Target.StartAsync(api, throughGateway);
        var member = PointsClient.NewMember();

        var answer = await TrickleAsync(target.Url, $"{Use}{rest}", $$"""{"memberId":{{member}},"orderNumber":"A1","amount":1,"x":"{{new string('x', 20)}}""");

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"REQUEST_TIMEOUT\"", answer, StringComparison.Ordinal);
        Assert.Contains("The body arrived too slowly; nothing was done.", answer, StringComparison.Ordinal);
        Assert.Equal(throughGateway ? 0 : 1, answer.Split("X-Replica: one").Length - 1);
    }

    private async Task HeadersThatTrickleAsync(bool throughGateway)
    {
        await using var target = await Target.StartAsync(api, throughGateway);

        var answer = await TrickleAsync(target.Url, "GET /api/points/balance/1 HTTP/1.1\r\nHost: a\r\nX-A: ", new string('x', 1_000));

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, 1, 33 * 1024)]
    [InlineData(true, 100, 10)]
    [InlineData(false, 1, 41 * 1024)]
    [InlineData(false, 120, 10)]
    public async Task Headers_TooManyOrTooLarge_Are431(bool throughGateway, int count, int length)
    {
        await using var target = await Target.StartAsync(api, throughGateway);

        var answer = await SendAsync(target.Url, Get(count, length));

        Assert.StartsWith("HTTP/1.1 431 ", answer, StringComparison.Ordinal);
    }

    /// <summary>The replica takes what the gateway takes, with the headers that the gateway adds.</summary>
    [Theory]
    [InlineData(1, (32 * 1024) - 100)]
    [InlineData(98, 10)]
    public async Task Headers_ThatTheGatewayTakes_AreTakenByTheReplica(int count, int length)
    {
        await using var target = await Target.StartAsync(api, throughGateway: true);

        var answer = await SendAsync(target.Url, Get(count, length));

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("X-Replica: one", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Body_NestedTooDeeply_Is400(bool throughGateway)
    {
        await using var target = await Target.StartAsync(api, throughGateway);
        using var client = new PointsClient(target.Url);
        var body = $$"""{"memberId":1,"orderNumber":"A","amount":1,"x":{{new string('[', 20)}}{{new string(']', 20)}}}""";

        var answer = await client.PostAsync("/api/points/use", new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(
            "The body is nested too deeply: at most 16 levels are allowed.",
            answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").Sentence("body"));
    }

    // With Host and Connection.
    private static string Get(int count, int length)
    {
        var headers = Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('x', length)}\r\n");
        return $"GET /api/points/balance/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{string.Concat(headers)}\r\n";
    }

    private static async Task<string> SendAsync(Uri url, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, Token);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Token);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync(Token);
    }

    /// <summary>Sends the start at once and the rest byte by byte, until the server has answered and closed the connection.</summary>
    private static async Task<string> TrickleAsync(Uri url, string start, string rest)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(start), Token);
        using var reader = new StreamReader(stream);
        var answer = reader.ReadToEndAsync(Token);
        foreach (var part in Encoding.ASCII.GetBytes(rest))
        {
            if (await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(200), Token)) == answer)
            {
                break;
            }

            await stream.WriteAsync(new[] { part }, Token);
        }

        return await answer;
    }

    private sealed class Target : IAsyncDisposable
    {
        private RunningGateway? _gateway;
        private Upstream? _upstream;

        public required Uri Url { get; init; }

        public static async Task<Target> StartAsync(ApiFixture api, bool throughGateway)
        {
            if (!throughGateway)
            {
                return new Target { Url = api.Address };
            }

            var upstream = new Upstream("one", api.Address);
            upstream.Set(UpstreamState.Ready);
            var gateway = await RunningGateway.StartAsync([upstream]);
            return new Target { Url = gateway.Url, _gateway = gateway, _upstream = upstream };
        }

        public async ValueTask DisposeAsync()
        {
            await (_gateway?.DisposeAsync() ?? default);
            _upstream?.Dispose();
        }
    }
}
