using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Events;

/// <summary>GET /api/events over HTTP, as pages and as server-sent events.</summary>
public sealed class FeedTests(PointsDatabase server)
{
    [Fact]
    public async Task Pages_AnyLimit_AreTheSameEventsAndEndWithACursorThatStays()
    {
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await WriteAsync(client, 6);

        var all = await EventsAsync(client, "/api/events?limit=1000", expected: 12);
        var byOne = new List<string>();
        var next = "";
        for (var i = 0; i < 12; i++)
        {
            var page = (await client.GetAsync($"/api/events?limit=1{next}")).Expect(HttpStatusCode.OK).Json;
            byOne.AddRange(IdsOf(page));
            next = $"&after={page["next"]!.GetValue<string>()}";
        }

        Assert.Equal(all, byOne);
        var end = (await client.GetAsync($"/api/events?{next[1..]}")).Expect(HttpStatusCode.OK).Json;
        Assert.Equal((0, next), (end["events"]!.AsArray().Count, $"&after={end["next"]!.GetValue<string>()}"));
        Assert.Equal(["points.admin-acted.v1", "points.config-changed.v1"], await TypesAfterAsync(client, next, expected: 2, () => client.PutAsync(
            "/api/admin/points/config/MAX_BALANCE_PER_MEMBER", new { configValue = "20000000" })));
    }

    [Fact]
    public async Task Request_Invalid_IsRefusedByName()
    {
        await using var api = await StartAsync(("Events__StreamsMax", "1"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await WriteAsync(client, 1);
        var otherList = (await client.GetAsync("/api/points/history/1?size=1")).Expect(HttpStatusCode.OK).Json["nextCursor"]!.GetValue<string>();
        var ahead = new PointSystem.Api.Features.Events.EventCursor(long.MaxValue, 1, 1).ToString();

        foreach (var (query, field) in new[]
        {
            ("after=", "after"), ("after=x", "after"), ($"after={otherList}", "after"), ($"after={ahead}", "after"), ("after=a&after=b", "after"),
            ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=", "limit"), ("limit=1.5", "limit"), ("limit=1&limit=2", "limit"), ("cursor=x", "cursor"),
        })
        {
            var refused = (await client.GetAsync($"/api/events?{query}")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
            Assert.Equal([field], refused.Json["errors"]!.AsObject().Select(error => error.Key));
        }

        using var stream = Stream("/api/events", "x");
        var badId = (await client.SendAsync(stream)).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        Assert.Equal(["Last-Event-ID"], badId.Json["errors"]!.AsObject().Select(error => error.Key));
        using var anonymous = new PointsClient(api.Address);
        (await anonymous.GetAsync("/api/events")).IsProblem(HttpStatusCode.Unauthorized, "UNAUTHORIZED");
        using var member = new PointsClient(api.Address, Tokens.Create(role: null));
        (await member.GetAsync("/api/events")).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
    }

    [Fact]
    public async Task Stream_ConnectedAgainWithItsLastId_GoesOnWhereItWas()
    {
        await using var api = await StartAsync(("Events__Heartbeat", "00:00:00.2"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await WriteAsync(client, 2);
        await EventsAsync(client, "/api/events", expected: 4);

        var (before, heartbeats) = await ReadStreamAsync(api.Address, null, events: 4, heartbeats: 2);
        await WriteAsync(client, 1);
        var (after, _) = await ReadStreamAsync(api.Address, before[1].Cursor, events: 4, heartbeats: 0);

        Assert.True(heartbeats >= 2);
        Assert.Equal(await EventsAsync(client, "/api/events", expected: 6), [.. before[..2].Select(one => one.Id), .. after.Select(one => one.Id)]);
        Assert.Equal(before[2..], after[..2]);
    }

    [Fact]
    public async Task Stream_TextThatSomeEncodersEscape_IsTheTextOfThePages()
    {
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await client.AccumulateAsync(1, 100)).Expect(HttpStatusCode.Created);
        (await client.UseAsync(1, """주문 <"é'&+\😀>""", 10)).Expect(HttpStatusCode.Created);
        await EventsAsync(client, "/api/events", expected: 2);
        using var http = Http(api.Address);
        using var response = await http.SendAsync(Stream("/api/events", lastId: null), HttpCompletionOption.ResponseHeadersRead, Token);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Token));

        var (first, second) = (await ReadUntilAsync(reader, "data: "), await ReadUntilAsync(reader, "data: "));

        var page = (await client.GetAsync("/api/events")).Text;
        Assert.Contains("주문", page, StringComparison.Ordinal);
        Assert.StartsWith($$"""{"events":[{{first["data: ".Length..]}},{{second["data: ".Length..]}}]""", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_ManyIdle_HoldNoConnectionAndAreBounded()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        // A stream without events answers at once, not with its first heartbeat.
        await using var api = await ApiHost.StartAsync(
            new NpgsqlConnectionStringBuilder(connectionString) { MaxPoolSize = 8 }.ConnectionString,
            ("Events__StreamsMax", "20"), ("Events__Heartbeat", "00:10:00"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        using var http = Http(api.Address);
        var streams = new List<HttpResponseMessage>();
        for (var i = 0; i < 20; i++)
        {
            streams.Add((await http.SendAsync(Stream("/api/events", null), HttpCompletionOption.ResponseHeadersRead, Token)).EnsureSuccessStatusCode());
        }

        using var excess = Stream("/api/events", null);
        Assert.Equal("1", (await client.SendAsync(excess)).IsProblem(HttpStatusCode.TooManyRequests, "TOO_MANY_REQUESTS").Headers["Retry-After"]);
        await WriteAsync(client, 1);
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        foreach (var stream in streams)
        {
            using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(Token));
            Assert.Contains("points.used.v1", await ReadUntilAsync(reader, "points.used.v1"), StringComparison.Ordinal);
            stream.Dispose();
        }

        // Streams that have ended make room.
        await Eventually.HoldsAsync(
            async () =>
            {
                using var another = await http.SendAsync(Stream("/api/events", null), HttpCompletionOption.ResponseHeadersRead, Token);
                return another.IsSuccessStatusCode;
            },
            "a new stream is accepted");
    }

    [Fact]
    public async Task Stop_WithAnOpenStream_EndsItCleanly()
    {
        Needs.Signals();
        await using var api = await ApiProcess.StartAsync(await server.CreateOwnedAsync(Token));
        using var http = Http(api.Address);
        using var stream = await http.SendAsync(Stream("/api/events", null), HttpCompletionOption.ResponseHeadersRead, Token);
        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(Token));
        Assert.Equal("retry: 1000", await reader.ReadLineAsync(Token));

        await api.SignalAsync("TERM");

        // An aborted connection would throw.
        Assert.Equal("", (await reader.ReadToEndAsync(Token)).Trim());
        await api.WaitForExitAsync(Token);
        Assert.Equal(0, api.ExitCode);
    }

    [Fact]
    public async Task OpenTransaction_HoldsEventsBack_IsNamedAndLosesNothing()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiProcess.StartAsync(connectionString, ("Events__LagMax", "00:00:01"), ("Telemetry__Metrics__Prometheus", "true"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await Eventually.HoldsAsync(async () => await HealthAsync(client) == ("Healthy", "Events can be read as they are committed."), "healthy");
        await using var held = await HeldTransaction.BeginAsync(PointsDatabase.AsReplica(connectionString), "SELECT pg_current_xact_id()");

        await WriteAsync(client, 1);

        Assert.Empty(IdsOf((await client.GetAsync("/api/events")).Expect(HttpStatusCode.OK).Json));
        var expected = $"the transaction of backend {held.ProcessId} (";
        await Eventually.HoldsAsync(
            async () => await HealthAsync(client) is ("Degraded", var text) && text.Contains(expected, StringComparison.Ordinal)
                && text.Contains("idle in transaction", StringComparison.Ordinal),
            "the health check names the session");
        Assert.Equal("Degraded", (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK).TextOf("status"));
        await Eventually.HoldsAsync(async () => await LagAsync(client) >= 2, "the lag grows");

        await held.RollbackAsync();
        Assert.Equal(["1-1", "1-2"], await EventsAsync(client, "/api/events", expected: 2));
        await Eventually.HoldsAsync(async () => await HealthAsync(client) is ("Healthy", _) && await LagAsync(client) == 0, "the lag ends");
    }

    /// <summary>
    /// A dump of a cluster with higher transaction ids is restored: the feed refuses until the migrations have run. Then new events follow the old
    /// ones, and the cursors of consumers stay valid.
    /// </summary>
    [Fact]
    public async Task Ledger_OfAClusterWithHigherIds_IsReadAfterMigrations()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        Task OffsetAsync(long offset) => Books.TextsAsync(
            connectionString, $"CREATE OR REPLACE FUNCTION event_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT {offset}::bigint'");
        await OffsetAsync(1_000_000_000_000);
        string cursor;
        await using (var api = await ApiHost.StartAsync(connectionString))
        {
            using var client = new PointsClient(api.Address, Tokens.Admin);
            await WriteAsync(client, 2);
            await EventsAsync(client, "/api/events", expected: 4);
            cursor = (await client.GetAsync("/api/events")).Expect(HttpStatusCode.OK).TextOf("next");
        }

        // The same rows in a cluster that has not come so far.
        await OffsetAsync(0);
        await using var restored = await ApiHost.StartAsync(connectionString);
        using var again = new PointsClient(restored.Address, Tokens.Admin);
        Assert.Equal("10", (await again.GetAsync("/api/events")).IsProblem(HttpStatusCode.ServiceUnavailable, "EVENTS_UNAVAILABLE").Headers["Retry-After"]);
        await Eventually.HoldsAsync(
            async () => await HealthAsync(again) is ("Degraded", var text) && text.Contains("run the migrations", StringComparison.Ordinal), "it says so");

        // While an older transaction is open, the cursor is valid too.
        await using (await HeldTransaction.BeginAsync(connectionString, "SELECT pg_current_xact_id()"))
        {
            for (var later = 0; later < 5; later++)
            {
                await Books.TextsAsync(connectionString, "SELECT pg_current_xact_id()::text");
            }

            await ApiProcess.MigrateAsync(connectionString, Token);
            Assert.Empty(IdsOf((await again.GetAsync($"/api/events?after={cursor}")).Expect(HttpStatusCode.OK).Json));
        }

        (await again.UseAsync(1, "B1", 1)).Expect(HttpStatusCode.Created);
        Assert.Equal(["1-3"], await EventsAsync(again, $"/api/events?after={cursor}", expected: 1));
        Assert.Equal(5, (await EventsAsync(again, "/api/events", expected: 5)).Count);
        await Eventually.HoldsAsync(async () => await HealthAsync(again) is ("Healthy", _), "it recovers");
    }

    private async Task<ApiHost> StartAsync(params (string Name, string? Value)[] settings) =>
        await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), settings);

    // Two events for each member.
    private static async Task WriteAsync(PointsClient client, int members)
    {
        for (var member = 1; member <= members; member++)
        {
            (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
            (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created);
        }
    }

    // Other tests on the server may hold the horizon for a moment.
    private static async Task<List<string>> EventsAsync(PointsClient client, string path, int expected)
    {
        List<string> ids = [];
        await Eventually.HoldsAsync(
            async () => (ids = IdsOf((await client.GetAsync(path)).Expect(HttpStatusCode.OK).Json)).Count >= expected, $"{path} has {expected} events");
        return ids;
    }

    private static async Task<IEnumerable<string>> TypesAfterAsync(PointsClient client, string next, int expected, Func<Task<Answer>> change)
    {
        (await change()).Expect(HttpStatusCode.OK);
        JsonArray events = [];
        await Eventually.HoldsAsync(
            async () => (events = (await client.GetAsync($"/api/events?{next[1..]}")).Expect(HttpStatusCode.OK).Json["events"]!.AsArray()).Count >= expected,
            $"{expected} events");
        return events.Select(one => one!["type"]!.GetValue<string>()).Order();
    }

    private static List<string> IdsOf(JsonNode page) => [.. page["events"]!.AsArray().Select(one => one!["id"]!.GetValue<string>())];

    private static async Task<(string Status, string Description)> HealthAsync(PointsClient client)
    {
        var check = (await client.GetAsync("/health/ready")).Json["checks"]!["events"]!;
        return (check["status"]!.GetValue<string>(), check["description"]!.GetValue<string>());
    }

    private static async Task<double> LagAsync(PointsClient client)
    {
        var line = (await client.GetAsync("/metrics")).Expect(HttpStatusCode.OK).Text.Split('\n')
            .Single(line => line.StartsWith("pointsystem_events_lag_seconds", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static HttpClient Http(Uri address) => new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };

    private static HttpRequestMessage Stream(string path, string? lastId)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Tokens.Admin);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        return request;
    }

    private static async Task<string> ReadUntilAsync(StreamReader reader, string text)
    {
        while (await reader.ReadLineAsync(Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        return "";
    }

    /// <summary>Reads a stream until it has sent that many events and, after them, heartbeats.</summary>
    private static async Task<(List<(string Cursor, string Id)> Events, int Heartbeats)> ReadStreamAsync(
        Uri address, string? lastId, int events, int heartbeats)
    {
        using var http = Http(address);
        using var response = await http.SendAsync(Stream("/api/events", lastId), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Token));
        var (received, beats, cursor) = (new List<(string, string)>(), 0, "");
        while (received.Count < events || beats < heartbeats)
        {
            var line = await reader.ReadLineAsync(Token) ?? throw new EndOfStreamException();
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                cursor = line[4..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                received.Add((cursor, JsonNode.Parse(line[6..])!["id"]!.GetValue<string>()));
            }
            else if (line == ":")
            {
                beats++;
            }
        }

        return (received, beats);
    }
}
