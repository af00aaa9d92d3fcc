using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>A service that asks for tokens, and tells members from shops: every address of its route table, as docs/access.md says.</summary>
public sealed class AccessTests(AccessTests.Fixture fixture) : IClassFixture<AccessTests.Fixture>
{
    private const string MemberClaim = "https://shop.example/member";

    /// <summary>What needs no token, apart from the page that shows the API document.</summary>
    private static readonly string[] Open = ["/asyncapi.json", "/health/live", "/health/ready", "/metrics", "/openapi/{documentName:regex(^v1$)}.json"];

    private readonly string _database = fixture.Database;
    private readonly ApiProcess _api = fixture.Api;

    /// <summary>No route without a row, no row without a route, and the right of a row is the one that the route asks for.</summary>
    [Fact]
    public async Task RouteTable_OfTheRunningService_IsTheDocumentedOne()
    {
        var routes = await RoutesAsync();

        var asking = routes.Where(route => !Open.Contains(route.Path) && !route.Path.StartsWith("/scalar", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            Rows().Select(row => $"{row.Method} {row.Path} {row.Right}").Order(), asking.Select(route => $"{route.Method} {route.Path} {route.Right}").Order());
        Assert.All(routes.Except(asking), route => Assert.Null(route.Right));
        Assert.Subset(routes.Select(route => route.Path).ToHashSet(), Open.ToHashSet());
    }

    [Fact]
    public async Task EveryAddress_EveryToken_IsAsDocumented()
    {
        using var service = Client(Tokens.Create(role: "points:write"));
        var member = PointsClient.NewMember();
        var keys = await KeysAsync(service, member);
        using var reader = Client(Tokens.Create(role: "points:read"));
        var paths = (await reader.GetAsync("/openapi/v1.json")).Expect(HttpStatusCode.OK).Json["paths"]!.AsObject();
        var published = paths.SelectMany(path => path.Value!.AsObject().Select(operation => (Method: operation.Key.ToUpperInvariant(), Path: path.Key)));
        var rows = Rows();
        Assert.Equal(published.Order(), rows.Select(row => (row.Method, row.Path)).Order());

        foreach (var row in rows)
        {
            async Task ExpectAsync(string who, string? token, HttpStatusCode? refusal)
            {
                using var client = Client(token);
                var answer = await SendAsync(client, row, member, keys);
                var where = $"{row.Method} {row.Path}, {who}: {(int)answer.Status} {answer.Text}";
                if (refusal is { } expected)
                {
                    Assert.True(answer.Status == expected, where);
                }
                else
                {
                    Assert.True((int)answer.Status < 500 && answer.Status is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden), where);
                }
            }

            await ExpectAsync("nothing", null, HttpStatusCode.Unauthorized);
            foreach (var (flaw, token) in Tokens.Wrong)
            {
                await ExpectAsync(flaw, token(), HttpStatusCode.Unauthorized);
            }
            foreach (var right in (string[])["points:read", "points:write", "points:events", "points:approve", "points:admin", "admin", "member", "points:", "POINTS:ADMIN"])
            {
                var isAllowed = right == row.Right || right is "points:admin" or "admin";
                await ExpectAsync(right, Tokens.Create(role: right), isAllowed ? null : HttpStatusCode.Forbidden);
            }
            foreach (var right in (string?[])[null, "points:read", "points:write"])
            {
                await ExpectAsync($"the member, {right}", OfMember(member, right), row.Member ? null : HttpStatusCode.Forbidden);
                await ExpectAsync($"another member, {right}", OfMember(member + 1, right), HttpStatusCode.Forbidden);
                await ExpectAsync($"a member without a number, {right}", OfMember("x", right), HttpStatusCode.Forbidden);
            }
            await ExpectAsync("a member who administers", OfMember(member + 1, "points:admin"), null);
        }
    }

    /// <summary>What a token that is refused asks for is not done.</summary>
    [Fact]
    public async Task RefusedToken_DoesNothing()
    {
        using var service = Client(Tokens.Create(role: "points:write"));
        using var reader = Client(Tokens.Create(role: "points:read"));
        var member = PointsClient.NewMember();
        (await service.AccumulateAsync(member, 1_000)).Expect(HttpStatusCode.Created);
        foreach (var token in (string?[])[null, Tokens.Create(role: "points:read"), Tokens.Create(role: null), OfMember(member + 1, "points:write")])
        {
            using var client = Client(token);
            var use = await client.UseAsync(member, "A1", 100);
            Assert.True(use.Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, use.Text);
        }
        (await service.AccumulateAsync(member, 5, isManualGrant: true)).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        Assert.Equal(1_000, await reader.BalanceAsync(member));
        using var own = Client(OfMember(member, null));
        (await own.UseAsync(member, "A1", 100)).Expect(HttpStatusCode.Created);
        Assert.Equal(900, await own.BalanceAsync(member));
    }

    [Fact]
    public async Task Start_NobodyIsToldThatItIsOpen()
    {
        using var anonymous = Client(null);
        (await anonymous.GetAsync("/health/live")).Expect(HttpStatusCode.OK);
        (await anonymous.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        Assert.DoesNotContain("AllowAnonymous", _api.Output, StringComparison.Ordinal);
    }

    private PointsClient Client(string? token) => new(_api.Address, token);

    private static string OfMember(object member, string? role) =>
        Tokens.Create(role: role, claims: new Dictionary<string, object> { [MemberClaim] = member });

    private static async Task<IReadOnlyDictionary<string, string>> KeysAsync(PointsClient service, long member)
    {
        static string Key(Answer answer) => answer.TextOf("pointKey");
        var lot = Key((await service.AccumulateAsync(member, 10_000)).Expect(HttpStatusCode.Created));
        var use = Key((await service.UseAsync(member, "A0", 100)).Expect(HttpStatusCode.Created));
        var cancellation = Key((await service.CancelUsageAsync(use, 50)).Expect(HttpStatusCode.OK));
        var transfer = await service.TransferAsync(member, PointsClient.NewMember(), 1);
        return new Dictionary<string, string>
        {
            ["accumulate"] = lot,
            ["accumulations"] = lot,
            ["use"] = use,
            ["cancellations"] = cancellation,
            ["transfers"] = Key(transfer.Expect(HttpStatusCode.Created)),
        };
    }

    private static async Task<Answer> SendAsync(PointsClient client, AccessRow row, long member, IReadOnlyDictionary<string, string> keys)
    {
        var path = row.Path.Replace("{memberId}", $"{member}", StringComparison.Ordinal).Replace("{key}", "MAX_BALANCE_PER_MEMBER", StringComparison.Ordinal)
            .Replace("{runId}", "1", StringComparison.Ordinal).Replace("{name}", "none", StringComparison.Ordinal)
            .Replace("{deliveryId}", "none", StringComparison.Ordinal).Replace("{notificationId}", "1", StringComparison.Ordinal)
            .Replace("{orderNumber}", "A0", StringComparison.Ordinal);
        if (path.Contains("{pointKey}", StringComparison.Ordinal))
        {
            path = path.Replace("{pointKey}", keys[path.Split('/')[3]], StringComparison.Ordinal);
        }

        // Valid only where a member may send it; otherwise what is allowed gets a 400.
        object body = row.Path.EndsWith("/use", StringComparison.Ordinal) ? new { memberId = member, orderNumber = "A1", amount = 1 } : new { };
        return row.Method switch
        {
            "GET" => await client.GetAsync(path),
            "PUT" => await client.PutAsync(path, body),
            "DELETE" => await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, path)),
            _ => await client.PostAsync(path, body),
        };
    }

    /// <summary>The endpoints of the service, run in this process.</summary>
    private async Task<IReadOnlyList<(string Method, string Path, string? Right)>> RoutesAsync()
    {
        await using var api = await ApiHost.StartAsync(_database);
        return
        [
            .. from endpoint in api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
               from method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"]
               select (method, "/" + endpoint.RoutePattern.RawText!.Trim('/'), endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy),
        ];
    }

    private static List<AccessRow> Rows() =>
    [
        .. File.ReadAllLines(Path.Combine(BuildOutputs.Repository, "docs", "access.md"))
            .SkipWhile(line => !line.StartsWith("| method ", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => new AccessRow(cells[1], cells[2].Trim('`'), cells[3].Trim('`'), cells[4] != "no")),
    ];

    public sealed class Fixture(PointsDatabase server) : IAsyncLifetime
    {
        public string Database { get; private set; } = "";

        public ApiProcess Api { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Database = await server.CreateOwnedAsync(Token);
            Api = await ApiProcess.StartAsync(
                Database, ("ASPNETCORE_ENVIRONMENT", "Production"), ("Auth__MemberClaim", MemberClaim), ("Auth__MembersMayUse", "true"));
        }

        public ValueTask DisposeAsync() => Api.DisposeAsync();
    }

    private sealed record AccessRow(string Method, string Path, string Right, bool Member);
}
