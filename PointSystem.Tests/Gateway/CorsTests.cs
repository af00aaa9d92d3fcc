using System.Net;
using PointSystem.Gateway;

namespace PointSystem.Tests.Gateway;

/// <summary>Which pages of other origins may call the API from a browser.</summary>
public sealed class CorsTests
{
    private const string Shop = "https://shop.example.com";
    private const string AllowOrigin = "Access-Control-Allow-Origin";

    [Fact]
    public async Task Nothing_Configured_NoOriginIsAllowed()
    {
        await using var replica = FakeReplica.Healthy("api-1");
        await using var gateway = await RunningGateway.StartAsync(replica);

        using var preflight = await SendAsync(gateway, HttpMethod.Options, "/api/points/use", Shop);
        using var get = await SendAsync(gateway, HttpMethod.Get, "/api/points/balance/7", Shop);

        Assert.DoesNotContain(preflight.Headers, IsCors);
        Assert.DoesNotContain(get.Headers, IsCors);
    }

    [Fact]
    public async Task Origin_Configured_PreflightIsAnsweredByTheGatewayAndAnswersCanBeRead()
    {
        await using var replica = FakeReplica.Healthy("api-1");
        await using var gateway = await StartAsync(replica);

        using var preflight = await SendAsync(gateway, HttpMethod.Options, "/api/points/use", Shop);

        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
        Assert.Empty(replica.Received);
        Assert.Equal(Shop, Value(preflight, AllowOrigin));
        Assert.Equal("GET,POST,PUT", Value(preflight, "Access-Control-Allow-Methods"));
        Assert.Equal("authorization,idempotency-key", Value(preflight, "Access-Control-Allow-Headers"));
        Assert.Equal("600", Value(preflight, "Access-Control-Max-Age"));
        // Tokens are sent in a header, and nothing by cookie.
        Assert.False(preflight.Headers.Contains("Access-Control-Allow-Credentials"));

        using var get = await SendAsync(gateway, HttpMethod.Get, "/api/points/balance/7", Shop);
        Assert.Equal("api-1", await get.Content.ReadAsStringAsync(Token));
        Assert.Equal(Shop, Value(get, AllowOrigin));
        Assert.Equal("Retry-After,Idempotency-Replayed,ETag,WWW-Authenticate,X-Replica", Value(get, "Access-Control-Expose-Headers"));
    }

    [Theory]
    [InlineData("https://evil.example.com", "/api/points/balance/7")]
    [InlineData("https://shop.example.com.evil.com", "/api/points/balance/7")]
    [InlineData("http://shop.example.com", "/api/points/balance/7")]
    [InlineData("null", "/api/points/balance/7")]
    [InlineData(Shop, "/health/ready")]
    [InlineData(Shop, "/openapi/v1.json")]
    public async Task OtherOriginOrOtherAddress_IsNotAllowed(string origin, string path)
    {
        await using var replica = FakeReplica.Healthy("api-1");
        await using var gateway = await StartAsync(replica);

        using var get = await SendAsync(gateway, HttpMethod.Get, path, origin);
        using var preflight = await SendAsync(gateway, HttpMethod.Options, path, origin);

        Assert.False(get.Headers.Contains(AllowOrigin));
        Assert.False(preflight.Headers.Contains(AllowOrigin));
    }

    [Fact]
    public async Task GatewaysOwnProblem_CanBeReadByTheOrigin()
    {
        await using var gateway = await StartAsync();

        using var answer = await SendAsync(gateway, HttpMethod.Get, "/api/points/balance/7", Shop);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(Shop, Value(answer, AllowOrigin));
    }

    [Theory]
    [InlineData("*")]
    [InlineData("https://*.example.com")]
    [InlineData("shop.example.com")]
    [InlineData("https://shop.example.com/")]
    [InlineData("https://shop.example.com/app")]
    [InlineData("https://Shop.example.com")]
    [InlineData("https://user@shop.example.com")]
    [InlineData("http://shop.example.com")]
    [InlineData("null")]
    [InlineData("")]
    public void Create_ValueThatIsNoOrigin_EndsBeforeItListensAndNamesTheKey(string value)
    {
        var fault = Assert.Throws<GatewayFaultException>(() => GatewayApplication.Create([$"--Cors:Origins:0={value}"], new ReplicaSet()));

        Assert.StartsWith("Cors:Origins:0 must be an origin like ", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith($", not '{value}'.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_OneTextInsteadOfAList_IsRefused() => Assert.StartsWith(
        "Cors:Origins is a list",
        Assert.Throws<GatewayFaultException>(() => GatewayApplication.Create([$"--Cors:Origins={Shop}"], new ReplicaSet())).Message,
        StringComparison.Ordinal);

    private static Task<RunningGateway> StartAsync(params FakeReplica[] replicas) => RunningGateway.StartAsync(
        [.. replicas.Select(replica => replica.Upstream)], $"--Cors:Origins:0={Shop}", "--Cors:Origins:1=http://localhost:5173");

    private static async Task<HttpResponseMessage> SendAsync(RunningGateway gateway, HttpMethod method, string path, string origin)
    {
        using var client = new HttpClient { BaseAddress = gateway.Url };
        using var request = new HttpRequestMessage(method, path) { Headers = { { "Origin", origin } } };
        if (method == HttpMethod.Options)
        {
            request.Headers.Add("Access-Control-Request-Method", "POST");
            request.Headers.Add("Access-Control-Request-Headers", "authorization,idempotency-key");
        }
        return await client.SendAsync(request, Token);
    }

    private static bool IsCors(KeyValuePair<string, IEnumerable<string>> header) =>
        header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase);

    private static string Value(HttpResponseMessage response, string header) => string.Join(',', response.Headers.GetValues(header));
}
