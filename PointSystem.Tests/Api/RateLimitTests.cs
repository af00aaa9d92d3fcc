using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Gateway;
using PointSystem.Tests.Features;
using PointSystem.Tests.Gateway;

namespace PointSystem.Tests.Api;

/// <summary>Limits that a test can reach have a window of a day, so that nothing is added to them while it runs.</summary>
public sealed class RateLimitTests(PointsDatabase server)
{
    private const string Day = "1.00:00:00";

    [Fact]
    public async Task Client_BeyondItsLimit_IsRefusedUnderItsNameAloneAndToldWhenToReturn()
    {
        await using var api = await ApiProcess.StartAsync(
            await server.CreateOwnedAsync(Token), ("RateLimits__Client__Requests", "4"), ("RateLimits__Client__Window", Day));
        using var shop = new PointsClient(api.Address, Tokens.Create("shop", "points:write"));
        var member = PointsClient.NewMember();

        var first = (await shop.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
        var invalid = await shop.PostAsync("/api/points/use", new { memberId = member });
        var forbidden = await shop.GetAsync("/api/admin/locks");
        var missing = await shop.GetAsync("/api/points/nothing");
        var refused = await shop.UseAsync(member, "A1", 1);

        // Whatever the answer is, it says what is left.
        Assert.All(new[] { first, invalid, forbidden, missing, refused }, answer => Assert.Equal("\"client\";q=4;w=86400", answer.Headers["RateLimit-Policy"]));
        Assert.Equal("\"client\";r=3;t=21600", first.Headers["RateLimit"]);
        Assert.Equal("\"client\";r=2;t=43200", invalid.IsProblem(HttpStatusCode.BadRequest, "INVALID_AMOUNT").Headers["RateLimit"]);
        Assert.Equal("\"client\";r=1;t=64800", forbidden.IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN").Headers["RateLimit"]);
        Assert.Equal("\"client\";r=0;t=86400", missing.IsProblem(HttpStatusCode.NotFound, "NOT_FOUND").Headers["RateLimit"]);
        Assert.Equal("\"client\";r=0;t=86400", refused.IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED").Headers["RateLimit"]);
        Assert.Equal(TimeSpan.FromSeconds(21_600), refused.RetryAfter);
        Assert.Equal("More than 4 requests from this client within 86400 s; nothing was done. Try again in 21600 s.", refused.TextOf("detail"));

        // A new token is not a new client, and another client is not limited.
        using var renewed = new PointsClient(api.Address, Tokens.Create("shop", "points:read", expiresIn: TimeSpan.FromHours(1)));
        (await renewed.GetAsync($"/api/points/balance/{member}")).IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
        using var other = new PointsClient(api.Address, Tokens.Create("other", "points:read"));
        Assert.Equal(100, await other.BalanceAsync(member));

        // Probes, metrics and documents are for everybody.
        (await shop.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        (await shop.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK);
        var metrics = (await shop.GetAsync("/metrics")).Expect(HttpStatusCode.OK).Text;
        Assert.Matches("""pointsystem_requests_limited\w*\{[^}]*limit="client"[^}]*\} 2\b""", metrics);
        Assert.Matches("""pointsystem_requests_limited\w*\{[^}]*limit="member"[^}]*\} 0\b""", metrics);
    }

    [Fact]
    public async Task Client_WithoutToken_IsItsAddress()
    {
        await using var api = await StartAsync(("RateLimits__Client__Requests", "1"), ("RateLimits__Client__Window", Day));
        using var client = new PointsClient(api.Address);
        async Task<HttpStatusCode> FromAsync(string? address)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/api/points/balance/{PointsClient.NewMember()}");
            request.Headers.Add("X-Forwarded-For", address);
            return (await client.SendAsync(request)).Status;
        }

        // Addresses share slots by chance, so not each of many is admitted; that two of two are not is too unlikely to matter.
        Assert.Equal(HttpStatusCode.OK, await FromAsync("192.0.2.1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await FromAsync("192.0.2.1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await FromAsync("198.51.100.1, 192.0.2.1"));
        Assert.Equal(HttpStatusCode.OK, await FromAsync("192.0.2.2"));
        Assert.Equal(HttpStatusCode.OK, await FromAsync("2001:db8:1:1::1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await FromAsync("2001:db8:1:1:ffff::2"));
        Assert.Equal(HttpStatusCode.OK, await FromAsync("2001:db8:1:2::1"));
    }

    [Fact]
    public async Task Client_WithoutTokenWhereOneIsNeeded_IsLimitedToo()
    {
        await using var api = await StartAsync(
            ("Auth__AllowAnonymous", "false"), ("RateLimits__Client__Requests", "1"), ("RateLimits__Client__Window", Day));
        using var client = new PointsClient(api.Address);

        (await client.GetAsync("/api/points/balance/1")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        (await client.GetAsync("/api/points/balance/1")).IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
    }

    [Fact]
    public async Task Member_BeyondItsLimit_IsRefusedWhereverItsIdStands()
    {
        await using var api = await StartAsync(("RateLimits__Member__Requests", "3"), ("RateLimits__Member__Window", Day));
        using var client = new PointsClient(api.Address);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());

        var granted = (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
        var used = (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        var read = (await client.GetAsync($"/api/points/balance/{member}")).Expect(HttpStatusCode.OK);
        Answer[] refused =
        [
            await client.UseAsync(member, "A2", 10),
            await client.TransferAsync(member, other, 10),
            await client.CancelUsageAsync(used),
            await client.CancelAccumulationAsync(granted.TextOf("pointKey")),
            await client.GetAsync($"/api/points/history/{member}"),
            await client.GetAsync($"/api/points/use/{used}"),
        ];

        Assert.Equal("\"member\";q=3;w=86400", granted.Headers["RateLimit-Policy"]);
        Assert.Equal("\"member\";r=0;t=86400", read.Headers["RateLimit"]);
        Assert.All(refused, answer => Assert.Equal(
            TimeSpan.FromSeconds(28_800), answer.IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED").RetryAfter));
        (await client.AccumulateAsync(other, 90)).Expect(HttpStatusCode.Created);
        Assert.Equal(90, await client.BalanceAsync(other));
        (await client.GetAsync("/api/points/balance/0")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }

    [Fact]
    public async Task Limit_AfterAWhile_HasRoomAgain()
    {
        await using var api = await StartAsync(("RateLimits__Client__Requests", "1"));
        using var client = new PointsClient(api.Address);
        Answer? refused = null;
        await Eventually.HoldsAsync(
            async () =>
            {
                var answer = await client.GetAsync("/api/points/balance/1");
                refused ??= answer.Status == HttpStatusCode.TooManyRequests ? answer : null;
                return refused is not null && answer.Status == HttpStatusCode.OK;
            },
            "a request is refused, and a later one is not");

        Assert.Equal(TimeSpan.FromSeconds(1), refused!.RetryAfter);
    }

    [Fact]
    public async Task Refusals_Hundreds_DoNotFillTheLog()
    {
        await using var api = await StartAsync(("RateLimits__Client__Requests", "1"), ("RateLimits__Client__Window", Day));
        using var client = new PointsClient(api.Address, Tokens.Create("a busy shop"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => client.GetAsync("/api/points/balance/1")));

        Assert.Equal(399, answers.Count(answer => answer.Status == HttpStatusCode.TooManyRequests));
        // One line at once, and another one for each ten seconds that the test takes.
        await Eventually.HoldsAsync(() => Lines() > 0, "the refusals are logged");
        Assert.InRange(Lines(), 1, 10);
        Assert.Matches(@"\d requests were refused by the limit 'client' since this was last logged, the last one of a busy shop: GET /api/points/balance/1 ", api.Output);

        int Lines() => api.Output.Split('\n').Count(line => line.Contains("refused by the limit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Default_HasNoLimits()
    {
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address);

        // One after the other: reads of one member at the same time have a limit of their own.
        for (var request = 0; request < 300; request++)
        {
            var answer = await client.GetAsync("/api/points/balance/1");
            Assert.DoesNotContain(answer.Expect(HttpStatusCode.OK).Headers.Keys, name => name.StartsWith("RateLimit", StringComparison.Ordinal));
        }
    }

    /// <summary>Another replica has another limit: to try there would multiply it, and hide it from the client.</summary>
    [Fact]
    public async Task Gateway_RefusalOfARepeatableRequest_IsPassedOnAndTriedNowhereElse()
    {
        await using var api = await StartAsync(("RateLimits__Member__Requests", "1"), ("RateLimits__Member__Window", Day));
        await using var other = FakeReplica.Healthy("other");
        using var limited = new Upstream("limited", api.Address);
        limited.Set(UpstreamState.Ready);
        await using var gateway = await RunningGateway.StartAsync([limited, other.Upstream]);
        using var client = new PointsClient(gateway.Url);
        var member = Enumerable.Range(0, 1_000).Select(_ => PointsClient.NewMember()).First(id => limited.ScoreOf(id) > other.Upstream.ScoreOf(id));

        (await client.AccumulateAsync(member, 1, idempotencyKey: "one")).Expect(HttpStatusCode.Created);
        var write = await client.AccumulateAsync(member, 1, idempotencyKey: "two");
        var read = await client.GetAsync($"/api/points/balance/{member}");

        Assert.All(new[] { write, read }, answer =>
        {
            Assert.Equal(TimeSpan.FromDays(1), answer.IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED").RetryAfter);
            Assert.Equal("limited", answer.Headers["X-Replica"]);
            Assert.Equal("\"member\";r=0;t=86400", answer.Headers["RateLimit"]);
        });
        Assert.Empty(other.Received);
    }

    /// <summary>A refusal takes a row and has no other effect.</summary>
    [Fact]
    public async Task RefusedKeys_OfOneCaller_TakeNoMoreRowsThanTheLimit()
    {
        const int Limit = 20, Callers = 8;
        var database = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(
            database, ("RateLimits__RefusedKeys__Requests", $"{Limit}"), ("RateLimits__RefusedKeys__Window", Day));
        using var shop = new PointsClient(api.Address, Tokens.Create("shop", "points:write"));
        using var other = new PointsClient(api.Address, Tokens.Create("other", "points:write"));
        var member = PointsClient.NewMember();

        // What has an effect does not count.
        for (var i = 0; i < 2 * Limit; i++)
        {
            (await shop.AccumulateAsync(member, 1, idempotencyKey: $"granted {i}".Replace(' ', '-'))).Expect(HttpStatusCode.Created);
        }

        var answers = (await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            var own = new List<Answer>();
            for (var i = 0; i < 40; i++)
            {
                own.Add(await shop.UseAsync(member, "A1", 1_000, $"refused-{caller}-{i}"));
            }

            return own;
        }))).SelectMany(own => own).ToList();

        var rows = await Books.CountAsync(database, "SELECT count(*) FROM idempotency_answers WHERE status = 0");
        Assert.InRange(rows, Limit, Limit + Callers - 1);
        Assert.Equal(rows, answers.Count(answer => answer.Status == HttpStatusCode.UnprocessableEntity));
        var refused = answers.First(answer => answer.Status == HttpStatusCode.TooManyRequests).IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
        Assert.InRange(refused.RetryAfter, TimeSpan.FromHours(23), TimeSpan.FromDays(1));
        Assert.Equal("\"refused-keys\";q=20;w=86400", refused.Headers["RateLimit-Policy"]);

        // Without a key nothing is stored, and other callers have their own limit.
        (await shop.UseAsync(member, "A1", 1_000)).IsProblem(HttpStatusCode.UnprocessableEntity, "INSUFFICIENT_POINT");
        (await shop.UseAsync(member, "A1", 1)).Expect(HttpStatusCode.Created);
        (await other.UseAsync(member, "A1", 1, "refused-0-0")).Expect(HttpStatusCode.Created);
        (await shop.UseAsync(member, "A1", 1, "new")).IsProblem(HttpStatusCode.TooManyRequests, "RATE_LIMITED");
        Assert.Equal(rows, await Books.CountAsync(database, "SELECT count(*) FROM idempotency_answers WHERE status = 0"));
    }

    [Fact]
    public void StoredRefusals_WindowHasPassed_BeginAgain()
    {
        var clock = new FakeTimeProvider();
        var limits = new RateLimitOptions { RefusedKeys = new() { Requests = 2, Window = TimeSpan.FromMinutes(1) } };
        var refusals = new StoredRefusals(Options.Create(limits), clock);

        clock.Advance(TimeSpan.FromMinutes(3));
        refusals.Count("a");
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Null(refusals.WaitOf("a"));
        refusals.Count("a");
        refusals.Count("a");
        Assert.Equal(TimeSpan.FromSeconds(40), refusals.WaitOf("a"));
        Assert.Null(refusals.WaitOf("b"));

        clock.Advance(TimeSpan.FromSeconds(40));
        Assert.Null(refusals.WaitOf("a"));
        refusals.Count("a");
        Assert.Null(refusals.WaitOf("a"));
        refusals.Count("a");
        Assert.Equal(TimeSpan.FromMinutes(1), refusals.WaitOf("a"));
    }

    /// <summary>Each slot admits one request, so the number of those admitted is the number of counters in memory.</summary>
    [Fact]
    public async Task Members_Invented_ShareABoundedNumberOfCounters()
    {
        await using var limits = Limits(new RateLimitOptions { Member = new() { Requests = 1, Window = TimeSpan.FromDays(1) } });
        var http = new DefaultHttpContext();

        var admitted = Enumerable.Range(1, 300_000).Count(member => limits.EnterMember(http, member) is null);

        Assert.InRange(admitted, 60_000, 65_536);
    }

    [Fact]
    public async Task Limits_Off_AllocateNothing()
    {
        await using var limits = Limits(new RateLimitOptions());
        var http = new DefaultHttpContext();
        var key = new IdempotencyKey("key", "caller");
        bool Pass() => limits.EnterMember(http, 7) is null && limits.RefuseKeyed(http, key) is null;
        Assert.True(Pass());

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            Pass();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static RateLimits Limits(RateLimitOptions options)
    {
        var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        return new RateLimits(
            Options.Create(options), new StoredRefusals(Options.Create(options), TimeProvider.System),
            services.GetRequiredService<IMeterFactory>(), TimeProvider.System, NullLogger<RateLimits>.Instance);
    }

    private async Task<ApiHost> StartAsync(params (string Name, string? Value)[] settings) =>
        await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), settings);
}
