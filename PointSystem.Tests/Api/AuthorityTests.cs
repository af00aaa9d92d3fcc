using System.Net;
using System.Net.Sockets;
using PointSystem.Local.Identity;
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
        using var forged = new PointsClient(api.Address, (await Provider.StartAsync(provider.Address, listens: false)).Create("points:read"));
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
        await Eventually.SaysAsync(() => api.Output, "The identity provider (Auth:Authority) cannot be reached");
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
        await using var api = await StartAsync(provider.Address, (ChildSettings.WarmUpLimit, "00:01:00"));
        using var client = new PointsClient(api.Address);
        await Eventually.SaysAsync(() => api.Output, "The identity provider (Auth:Authority) cannot be reached");
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable);

        await provider.ListenAsync();

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health/ready")).Status == HttpStatusCode.OK, () => api.Output);
        await provider.DisposeAsync();
        using var reader = new PointsClient(api.Address, provider.Create("points:read"));
        Assert.Equal(0, await reader.BalanceAsync(PointsClient.NewMember()));
    }

    /// <summary>
    /// The first tokens that are signed with a new key are accepted: they wait for one attempt to get it. Tokens that name keys which do not exist cannot
    /// make the service ask again and again.
    /// </summary>
    [Fact]
    public async Task Provider_ChangesItsKey_FirstTokensAreAccepted()
    {
        var provider = await Provider.StartAsync();
        await using var api = await StartAsync(provider.Address);
        using var before = new PointsClient(api.Address, provider.Create("points:read"));
        (await before.GetAsync("/api/points/balance/7")).Expect(HttpStatusCode.OK);
        await provider.DisposeAsync();
        await using var changed = await Provider.StartAsync(provider.Address);
        using var after = new PointsClient(api.Address, changed.Create("points:read"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => after.GetAsync("/api/points/balance/7")));

        Assert.All(answers, answer => answer.Expect(HttpStatusCode.OK));
        (await before.GetAsync("/api/points/balance/7")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        await using var unknown = await Provider.StartAsync(provider.Address, listens: false);
        using var forger = new PointsClient(api.Address, unknown.Create("points:admin"));
        (await forger.GetAsync("/api/points/balance/7")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
    }

    /// <summary>What is no token needs no key to be refused.</summary>
    [Fact]
    public async Task Provider_IsAway_WhatIsNoTokenIsUnauthorized()
    {
        await using var api = await StartAsync(new Uri($"http://127.0.0.1:{Ports.Next()}"));
        using var client = new PointsClient(api.Address);
        foreach (var header in (string[])["Bearer abc", "Bearer a.b.c", "Bearer e30.e30", "Basic YTpi"])
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/api/points/balance/7");
            request.Headers.TryAddWithoutValidation("Authorization", header);

            (await client.SendAsync(request)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        }
    }

    /// <summary>The commands of docs/access.md get a token by client credentials and use it.</summary>
    [Fact]
    public async Task Commands_OfTheDocument_GetATokenAndUseIt()
    {
        Needs.Program("curl");
        await using var provider = await Provider.StartAsync();
        await using var api = await StartAsync(provider.Address);
        using var admin = new PointsClient(api.Address, provider.Create("points:admin"));
        var text = await File.ReadAllTextAsync(Path.Combine(BuildOutputs.Repository, "docs", "access.md"), Token);
        var script = text.Split("```sh\n").Skip(1).Select(block => block.Split("\n```")[0]).Single(block => block.Contains("ISSUER=", StringComparison.Ordinal))
            .Replace("http://localhost:8081/realms/pointsystem", provider.Tokens.Issuer, StringComparison.Ordinal)
            .Replace("http://localhost:8080", api.Address.ToString().TrimEnd('/'), StringComparison.Ordinal)
            .Replace("<the secret>", Provider.Secret, StringComparison.Ordinal);

        await using var shell = ChildProcess.Start("bash", ["-c", script]);
        await shell.WaitForExitAsync(Token);

        var printed = script.Split('\n').Where(line => line.StartsWith("# ", StringComparison.Ordinal)).Select(line => line[2..].Split('…')[0]).ToList();
        Assert.Equal(3, printed.Count);
        Assert.All(printed, answer => Assert.Contains(answer, shell.Output, StringComparison.Ordinal));
        Assert.Equal(300, await admin.BalanceAsync(7));
    }

    private async Task<ApiHost> StartAsync(Uri authority, params (string Name, string? Value)[] more) => await ApiHost.StartAsync(
        await server.CreateOwnedAsync(Token),
        [
            ("Auth__SigningKey", null), ("Auth__Issuer", null), ("Auth__Authority", new Uri(authority, RealmTokens.RealmPath).ToString()),
            ("Auth__Tokens", "Keycloak"), ("Auth__AllowAnonymous", "false"), .. more,
        ]);

    /// <summary>The local identity provider, which listens or not.</summary>
    private sealed class Provider(Uri address) : IAsyncDisposable
    {
        public const string Secret = "not-a-secret";
        private IdentityProvider? _running;

        public Uri Address { get; } = address;

        public RealmTokens Tokens { get; } = new(RealmTokens.CreateKey(), address, TimeProvider.System);

        public static async Task<Provider> StartAsync(Uri? address = null, bool listens = true)
        {
            var provider = new Provider(address ?? new Uri($"http://127.0.0.1:{Ports.Next()}"));
            if (listens)
            {
                await provider.ListenAsync();
            }

            return provider;
        }

        public async Task ListenAsync() => _running = await IdentityProvider.StartAsync(Address, Tokens, RealmClient.Local, Secret, Token);

        public string Create(string role) => Tokens.Create(new RealmClient("shop", role), IdentityProvider.Lifetime);

        public async ValueTask DisposeAsync()
        {
            if (_running is not null)
            {
                await _running.DisposeAsync();
                _running = null;
            }
        }
    }
}
