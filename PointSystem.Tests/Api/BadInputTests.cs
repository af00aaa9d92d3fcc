using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace PointSystem.Tests.Api;

/// <summary>Any bad input to any endpoint gets a status, a code and a sentence that names the fault. Never a 500.</summary>
[Collection(ApiTests.Name)]
public sealed class BadInputTests(ApiFixture api)
{
    private const string Two63 = "9223372036854775808";

    /// <summary>Values that are neither an amount nor a member id.</summary>
    public static TheoryData<string> BadNumbers { get; } =
        ["-1", "0", "1.5", "1.0", "1e3", Two63, "-" + Two63, "\"100\"", "null", "true", "[]", "{}", "[1]", "99999999999999999999999999999999999999999"];

    /// <summary>Values that are not an order number.</summary>
    public static TheoryData<string> BadOrderNumbers { get; } =
        [
            "\"\"", "\"   \"", "\"\\t\"", "null", "7", "[\"A1\"]", "\"A\\u0000B\"", "\"A\\ud800B\"", "\"\\udc00\"",
            "\"" + new string('A', 10_240) + "\"", "\"" + new string('A', 101) + "\"",
        ];

    public static TheoryData<string, string> Paths { get; } = new()
    {
        { "/api/points/balance/0", "memberId" },
        { "/api/points/balance/-1", "memberId" },
        { "/api/points/balance/" + Two63, "memberId" },
        { "/api/points/balance/abc", "memberId" },
        { "/api/points/balance/1.5", "memberId" },
        { "/api/points/balance/1?size=0", "size" },
        { "/api/points/balance/1?size=1000000", "size" },
        { "/api/points/balance/1?size=x", "size" },
        { "/api/points/balance/1?cursor=x", "cursor" },
        { "/api/points/balance/1?asOf=9999-12-31", "asOf" },
        { "/api/points/balance/1?asOf=0000-00-00", "asOf" },
        { "/api/points/balance/1?asOf=2026-02-30", "asOf" },
        { "/api/points/balance/1?asOf=99999-01-01T00:00:00Z", "asOf" },
        { "/api/points/balance/1?asOf=2026-01-01T00:00:00", "asOf" },
        { "/api/points/balance/1?asOf=yesterday", "asOf" },
        { "/api/points/history/0", "memberId" },
        { "/api/points/history/abc", "memberId" },
        { "/api/points/history/" + Two63, "memberId" },
        { "/api/points/history/1?size=0", "size" },
        { "/api/points/history/1?size=1000000", "size" },
        { "/api/points/history/1?size=-1", "size" },
        { "/api/points/history/1?cursor=%20", "cursor" },
        { "/api/points/history/1?cursor=" + Two63, "cursor" },
        { "/api/points/history/1?kind=use", "kind" },
        { "/api/points/history/1?kind=", "kind" },
        { "/api/points/history/1?orderNumber=", "orderNumber" },
        { "/api/points/history/1?orderNumber=%00", "orderNumber" },
        { "/api/points/history/1?size=1&size=2", "size" },
        { "/api/points/statements/x", "memberId" },
        { "/api/points/statements/1?month=2026-13", "month" },
        { "/api/points/statements/1?month=2026-3", "month" },
        { "/api/points/statements/1?month=", "month" },
        { "/api/points/statements/1?month=9999-12", "month" },
        { "/api/points/statements/1?month=2026-03&from=2026-03-01", "month" },
        { "/api/points/statements/1?from=2026-02-30", "from" },
        { "/api/points/statements/1?from=9999-12-31", "from" },
        { "/api/points/statements/1?to=2026-03-01", "from" },
        { "/api/points/statements/1?from=2026-03-02&to=2026-03-01", "to" },
        { "/api/points/statements/1?from=2026-03-02&to=x", "to" },
        { "/api/points/statements/1?from=2026-03-02&from=2026-03-03", "from" },
        { "/api/points/statements/1?size=0", "size" },
        { "/api/points/orders/A1?size=101", "size" },
        { "/api/admin/ledger/export?limit=0", "limit" },
        { "/api/admin/ledger/export?limit=1000001", "limit" },
        { "/api/admin/ledger/export?after=x", "after" },
        { "/api/points/use/acc.1", "pointKey" },
        { "/api/points/use/%20", "pointKey" },
        { "/api/points/accumulations/a%27b", "pointKey" },
        { "/api/points/accumulations/acc_B1z8CO5iksMvNGD0T2iJ2pg?size=0", "size" },
        { "/api/points/use/use_By-MsXGtLNWO8JGPmGdO_OI?size=1000000", "size" },
        { "/api/admin/points/config/MAX_BALANCE_PER_MEMBER/history?size=0", "size" },
        { "/api/admin/points/config/MAX_BALANCE_PER_MEMBER/history?size=1000000", "size" },
    };

    [Theory]
    [MemberData(nameof(BadNumbers))]
    public async Task Amount_NotAnAmount_IsInvalidAmountEverywhere(string amount)
    {
        using var client = api.Client(Tokens.Admin);
        var member = await client.CreateMemberAsync(100);
        var usage = (await client.UseAsync(member, "A1", 50)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        await RefusedAsync(client, "/api/points/accumulate", $$"""{"memberId":1,"amount":{{amount}}}""", "INVALID_AMOUNT", "amount");
        await RefusedAsync(client, "/api/points/use", $$"""{"memberId":1,"orderNumber":"A1","amount":{{amount}}}""", "INVALID_AMOUNT", "amount");
        await RefusedAsync(client, "/api/points/transfer", $$"""{"fromMemberId":1,"toMemberId":2,"amount":{{amount}}}""", "INVALID_AMOUNT", "amount");
        if (amount != "null")
        {
            // For a cancellation, no amount means everything that is left.
            await RefusedAsync(client, $"/api/points/use/{usage}/cancel", $$"""{"amount":{{amount}}}""", "INVALID_AMOUNT", "amount");
        }

        Assert.Equal(50, await client.BalanceAsync(member));
    }

    [Theory]
    [MemberData(nameof(BadNumbers))]
    public async Task MemberId_NotAMemberId_IsNamedEverywhere(string id)
    {
        using var client = api.Client(Tokens.Admin);
        await RefusedAsync(client, "/api/points/accumulate", $$"""{"memberId":{{id}},"amount":1}""", "INVALID_REQUEST", "memberId");
        await RefusedAsync(client, "/api/points/use", $$"""{"memberId":{{id}},"orderNumber":"A1","amount":1}""", "INVALID_REQUEST", "memberId");
        await RefusedAsync(client, "/api/points/transfer", $$"""{"fromMemberId":{{id}},"toMemberId":2,"amount":1}""", "INVALID_REQUEST", "fromMemberId");
        await RefusedAsync(client, "/api/points/transfer", $$"""{"fromMemberId":2,"toMemberId":{{id}},"amount":1}""", "INVALID_REQUEST", "toMemberId");
    }

    [Theory]
    [MemberData(nameof(BadOrderNumbers))]
    public async Task OrderNumber_NotAnOrderNumber_IsInvalidOrderNumber(string orderNumber)
    {
        using var client = api.Client(Tokens.Admin);
        await RefusedAsync(client, "/api/points/use", $$"""{"memberId":1,"orderNumber":{{orderNumber}},"amount":1}""", "INVALID_ORDER_NUMBER", "orderNumber");
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task PathOrQuery_WrongValue_NamesTheParameter(string path, string field)
    {
        using var client = api.Client(Tokens.Admin);
        var answer = await client.GetAsync(path);
        var code = field == "orderNumber" ? "INVALID_ORDER_NUMBER" : "INVALID_REQUEST";
        answer.IsProblem(HttpStatusCode.BadRequest, code);
        Assert.Contains(field, answer.TextOf("detail"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/points/accumulate")]
    [InlineData("/api/points/use")]
    [InlineData("/api/points/transfer")]
    public async Task Body_NotAJsonObject_IsRefused(string path)
    {
        using var client = api.Client(Tokens.Admin);
        string[] bodies =
        [
            "", " ", "[]", "[{}]", "null", "7", "{", "{\"amount\":}", "{\"amount\":1,}", "\u0000",
            new string('[', 10_000), "{\"a\":" + new string('[', 10_000),
        ];
        foreach (var body in bodies)
        {
            await RefusedAsync(client, path, body, "INVALID_REQUEST", "body");
        }

        await RefusedAsync(client, path, """{"amount":1,"amount":2}""", "INVALID_REQUEST", "amount");
        (await PostAsync(client, path, "{}", "text/plain")).IsProblem(HttpStatusCode.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE");
        (await PostAsync(client, path, "{}", "application/x-www-form-urlencoded")).IsProblem(HttpStatusCode.UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE");
        (await client.GetAsync(path)).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
    }

    [Theory]
    [InlineData("POST", "/api/points/accumulate")]
    [InlineData("POST", "/api/points/use")]
    [InlineData("POST", "/api/points/transfer")]
    [InlineData("POST", "/api/points/use/%22/cancel")]
    [InlineData("POST", "/api/points/accumulations/nothing/cancel")]
    [InlineData("POST", "/api/nowhere")]
    [InlineData("DELETE", "/api/points/use")]
    [InlineData("PUT", "/api/admin/points/config/NOTHING")]
    [InlineData("POST", "/api/admin/points/reconcile/x")]
    public async Task Refusal_OfAnyBody_KeepsTheConnectionOpen(string method, string path)
    {
        // The gateway's connections to a replica are shared by all callers: a connection that closes without notice fails another caller's request.
        var connections = 0;
        using var client = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = 1,
            ConnectCallback = async (context, cancellationToken) =>
            {
                connections++;
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        { BaseAddress = api.Address };
        foreach (var type in new[] { "application/json", "text/plain", "application/json; charset=utf-16", null })
        {
            foreach (var body in new[] { "", " ", "{", "[]", "{}", """{"amount":1,"amount":2}""", new string('[', 10_000), new string('x', 60_000) })
            {
                foreach (var chunked in new[] { false, true })
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
                    request.Content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
                    request.Headers.TransferEncodingChunked = chunked;
                    using var answer = await client.SendAsync(request, Token);
                    Assert.InRange((int)answer.StatusCode, 400, 499);
                    Assert.NotEqual(true, answer.Headers.ConnectionClose);
                    using var next = await client.GetAsync("/health/live", Token);
                    Assert.True(connections == 1, $"{(int)answer.StatusCode} for {type} of {body.Length} bytes (chunked: {chunked}) closed the connection.");
                }
            }
        }
    }

    [Theory]
    [InlineData("\"x\"")]
    [InlineData("1.5")]
    [InlineData("99999999999")]
    public async Task ExpirationDays_NotAWholeNumber_IsNamed(string days)
    {
        using var client = api.Client(Tokens.Admin);
        await RefusedAsync(client, "/api/points/accumulate", $$"""{"memberId":1,"amount":1,"expirationDays":{{days}}}""", "INVALID_REQUEST", "expirationDays");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1825)]
    [InlineData(int.MaxValue)]
    public async Task ExpirationDays_OutOfRange_IsUnprocessable(int days)
    {
        using var client = api.Client(Tokens.Admin);
        var answer = await client.AccumulateAsync(PointsClient.NewMember(), 1, days);
        answer.IsProblem(HttpStatusCode.UnprocessableEntity, "INVALID_EXPIRATION_DATE");
        Assert.Contains("expirationDays", answer.TextOf("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PointKey_UnknownOrOfAnotherType_IsNotFoundAndSaysSo()
    {
        using var client = api.Client(Tokens.Admin);
        var member = PointsClient.NewMember();
        var lot = (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        var usage = (await client.UseAsync(member, "A1", 50)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        var notALot = (await client.CancelAccumulationAsync(usage)).IsProblem(HttpStatusCode.NotFound, "ACCUMULATION_NOT_FOUND");
        Assert.Contains("usage", notALot.TextOf("detail"), StringComparison.Ordinal);
        var notAUsage = (await client.CancelUsageAsync(lot)).IsProblem(HttpStatusCode.NotFound, "USAGE_NOT_FOUND");
        Assert.Contains("accumulation", notAUsage.TextOf("detail"), StringComparison.Ordinal);
        foreach (var unknown in new[] { "nothing", lot[..^1] + (lot[^1] == 'A' ? 'B' : 'A'), "acc_" })
        {
            (await client.CancelAccumulationAsync(unknown)).IsProblem(HttpStatusCode.NotFound, "ACCUMULATION_NOT_FOUND");
            (await client.GetAsync($"/api/points/accumulations/{unknown}")).IsProblem(HttpStatusCode.NotFound, "ACCUMULATION_NOT_FOUND");
            (await client.GetAsync($"/api/points/use/{unknown}")).IsProblem(HttpStatusCode.NotFound, "USAGE_NOT_FOUND");
        }

        (await client.CancelUsageAsync(new string('a', 101))).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }

    [Fact]
    public async Task Request_OtherFaults_AreProblems()
    {
        using var client = api.Client(Tokens.Admin);
        var member = PointsClient.NewMember();
        foreach (var key in new[] { "a b", new string('k', 201), "" })
        {
            var answer = await client.PostAsync("/api/points/accumulate", new { memberId = member, amount = 1 }, key);
            Assert.Contains("Idempotency-Key", answer.IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST").TextOf("detail"), StringComparison.Ordinal);
        }

        await RefusedAsync(
            client, "/api/points/transfer", $$"""{"fromMemberId":{{member}},"toMemberId":{{member}},"amount":1}""", "INVALID_REQUEST", "toMemberId");
        await RefusedAsync(client, "/api/points/use", "{}", "INVALID_AMOUNT", "memberId");
        (await client.GetAsync("/api/nowhere")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "/api/points/use"))).IsProblem(HttpStatusCode.MethodNotAllowed, "METHOD_NOT_ALLOWED");
        await RefusedAsync(
            client, "/api/points/accumulate", $$$"""{"memberId":{{{member}}},"amount":1,"more":{"than":["asked"]}}""", "INVALID_REQUEST", "more");
        Assert.Equal(0, await client.BalanceAsync(member));
    }

    [Fact]
    public async Task ManualGrant_WithoutAValidAdminToken_IsRefused()
    {
        var member = PointsClient.NewMember();
        using var anonymous = api.Client();
        (await anonymous.AccumulateAsync(member, 1, isManualGrant: true)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        using var garbled = api.Client("not.a.token");
        (await garbled.AccumulateAsync(member, 1, isManualGrant: true)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        using var truncated = api.Client(Tokens.Admin[..^2]);
        (await truncated.AccumulateAsync(member, 1, isManualGrant: true)).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        Assert.Equal(0, await anonymous.BalanceAsync(member));
    }

    internal static Task<Answer> PostAsync(PointsClient client, string path, string body, string type = "application/json")
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return client.PostAsync(path, content);
    }

    private static async Task RefusedAsync(PointsClient client, string path, string body, string code, string field)
    {
        var answer = (await PostAsync(client, path, body)).IsProblem(HttpStatusCode.BadRequest, code);
        Assert.Contains(field, answer.TextOf("detail"), StringComparison.Ordinal);
        Assert.NotNull(answer.Json["errors"]![field]);
    }
}
