using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>Tokens of an OpenID provider that works, goes away, or accepts connections and never answers.</summary>
public sealed class AuthorityTests(PointsDatabase server)
{
    [Fact]
    public async Task Provider_GoesAway_TokensAreCheckedWithKnownKeys()
    {
        var provider = await Provider.StartAsync();
        await using var api = await StartAsync(provider.Address);
        using var client = new PointsClient(api.Address, provider.Create("points:read"));
        var member = PointsClient.NewMember();
        Assert.Equal(0, await client.BalanceAsync(member));

        await provider.DisposeAsync();

        Assert.Equal(0, await client.BalanceAsync(member));
        using var forged = new PointsClient(api.Address, (await Provider.StartAsync(listens: false)).Create("points:read", provider.Address));
        (await forged.GetAsync($"/api/points/balance/{member}")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        using var anonymous = new PointsClient(api.Address);
        (await anonymous.GetAsync($"/api/points/balance/{member}")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    /// <summary>
    /// One attempt for all: with one after the other, the last of these callers would be answered after more than a minute, and their clients give up after
    /// half of one.
    /// </summary>
    [Fact]
    public async Task Provider_NeverAnswers_AllAreRefusedTogetherAndOthersAreNot()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var api = await StartAsync(new Uri($"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}"));
        await using var provider = await Provider.StartAsync(listens: false);
        using var client = new PointsClient(api.Address, provider.Create("points:read"));

        // A caller who leaves must not end the attempt of the others.
        using var leaver = new HttpClient { BaseAddress = api.Address };
        using var left = new CancellationTokenSource();
        leaver.DefaultRequestHeaders.Authorization = new("Bearer", provider.Create("points:read"));
        var leaving = leaver.GetAsync(new Uri("/api/points/balance/7", UriKind.Relative), left.Token);
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => client.GetAsync("/api/points/balance/7")));

        Assert.All(answers, answer => answer.IsProblem(HttpStatusCode.ServiceUnavailable, "TOKENS_UNAVAILABLE"));
        Assert.All(answers, answer => Assert.Equal("2", answer.Headers["Retry-After"]));
        Assert.Contains("The identity provider (Auth:Authority) cannot be reached", api.Output, StringComparison.Ordinal);
        using var anonymous = new PointsClient(api.Address);
        (await anonymous.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
    }

    /// <summary>A replica that started while the provider was away works when it is back.</summary>
    [Fact]
    public async Task Provider_ComesLater_TokensAreChecked()
    {
        await using var provider = await Provider.StartAsync(listens: false);
        await using var api = await StartAsync(provider.Address);
        using var client = new PointsClient(api.Address, provider.Create("points:read"));
        (await client.GetAsync("/api/points/balance/7")).IsProblem(HttpStatusCode.ServiceUnavailable, "TOKENS_UNAVAILABLE");

        await provider.ListenAsync();

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/points/balance/7")).Status == HttpStatusCode.OK, () => api.Output);
    }

    /// <summary>A replica that warms up is not ready before it has the keys.</summary>
    [Fact]
    public async Task Provider_ComesDuringTheWarmUp_ReplicaIsReadyWithItsKeys()
    {
        await using var provider = await Provider.StartAsync(listens: false);
        await using var api = await StartAsync(provider.Address, ("WarmUp__Limit", "00:01:00"));
        using var client = new PointsClient(api.Address);
        await Eventually.HoldsAsync(() => api.Output.Contains("The identity provider (Auth:Authority) cannot be reached", StringComparison.Ordinal), () => api.Output);
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable);

        await provider.ListenAsync();

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == HttpStatusCode.OK, () => api.Output);
        await provider.DisposeAsync();
        using var reader = new PointsClient(api.Address, provider.Create("points:read"));
        Assert.Equal(0, await reader.BalanceAsync(PointsClient.NewMember()));
    }

    private async Task<ApiProcess> StartAsync(Uri authority, params (string Name, string? Value)[] more) => await ApiProcess.StartAsync(
        await ApiProcess.MigratedDatabaseAsync(server, Token),
        [("Auth__SigningKey", null), ("Auth__Issuer", null), ("Auth__Authority", authority.ToString()), ("Auth__AllowAnonymous", "false"), .. more]);

    /// <summary>An OpenID provider as far as services need one: discovery and keys.</summary>
    private sealed class Provider : IAsyncDisposable
    {
        private readonly RSA _rsa = RSA.Create(2048);
        private readonly RsaSecurityKey _key;
        private WebApplication? _app;

        private Provider(Uri address)
        {
            Address = address;
            _key = new RsaSecurityKey(_rsa) { KeyId = "one" };
        }

        public Uri Address { get; }

        public static async Task<Provider> StartAsync(bool listens = true)
        {
            var provider = new Provider(new Uri($"http://127.0.0.1:{Ports.Next()}"));
            if (listens)
            {
                await provider.ListenAsync();
            }

            return provider;
        }

        public async Task ListenAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            _app = builder.Build();
            _app.Urls.Add(Address.ToString());
            var issuer = Address.ToString();
            var jwk = JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(_rsa.ExportParameters(false)) { KeyId = _key.KeyId });
            _app.MapGet("/.well-known/openid-configuration", () => Results.Json(new { issuer, jwks_uri = $"{issuer}keys" }));
            _app.MapGet("/keys", () => Results.Json(new { keys = new[] { new { kty = jwk.Kty, use = "sig", kid = jwk.Kid, n = jwk.N, e = jwk.E } } }));
            await _app.StartAsync(Token);
        }

        public string Create(string role, Uri? issuer = null) => new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = (issuer ?? Address).ToString(),
            Audience = Tokens.Audience,
            Subject = new ClaimsIdentity([new Claim("sub", "shop"), new Claim("role", role)]),
            SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.RsaSha256),
        });

        public async ValueTask DisposeAsync()
        {
            if (_app is not null)
            {
                await _app.DisposeAsync();
                _app = null;
            }
        }
    }
}
