using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;
using PointSystem.Tests.Sinks;
using StandardWebhooks;
using StandardWebhooks.Diagnostics;

namespace PointSystem.Tests.Webhooks;

/// <summary>Webhooks by real processes to a real receiver.</summary>
public sealed class WebhookTests(PointsDatabase server)
{
    private const string Base = "/api/admin/webhooks";
    private const string Network = "127.0.0.0/8";

    [Fact]
    public async Task Events_ArriveSignedAsTheyAreInTheFeed_InOrderForEachMember()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await WriteAsync(client, members: 1, uses: 0);

        // A new endpoint starts where the feed ends, which open transactions of other tests hold back.
        await SinkLoad.FeedAsync(client, 1);
        var secret = await CreateAsync(client, "all", receiver, "/all");
        await CreateAsync(client, "used", receiver, "/used", "points.used.v1");
        (await client.PutAsync($"{Base}/new", new { url = new Uri(receiver.Address, "/new") })).Expect(HttpStatusCode.Created);

        await WriteAsync(client, members: 3, uses: 4);

        var feed = await SinkLoad.FeedAsync(client, 1 + (3 * 5) + 3);
        await Eventually.HoldsAsync(() => receiver.At("/all").Count >= feed.Count, "all events arrive");
        await Eventually.HoldsAsync(() => receiver.At("/used").Count >= 3 * 4, "all usages arrive");

        // Without a cursor: all that the feed had not shown when it was created.
        await Eventually.HoldsAsync(() => receiver.At("/new").Any(message => message.Id == "3-5"), "the last event arrives");
        Assert.DoesNotContain(receiver.At("/new"), message => message.Id == "1-1");
        Assert.Contains(receiver.At("/new"), message => message.Id == "1-2");
        var all = receiver.At("/all");
        Assert.Equal(feed.Keys.Order(StringComparer.Ordinal), all.Select(message => message.Id).Order(StringComparer.Ordinal));
        foreach (var message in all)
        {
            Assert.True(JsonNode.DeepEquals(feed[message.Id], message.Json), message.Body);
            Assert.Equal("application/cloudevents+json; charset=utf-8", message.Headers["content-type"]);
            Assert.DoesNotContain("traceparent", message.Headers.Keys);
            Verify(secret, message);
            Assert.Throws<WebhookVerificationException>(() => Verify("whsec_" + Convert.ToBase64String(new byte[32]), message));
        }

        foreach (var path in new[] { "/all", "/used" })
        {
            foreach (var member in receiver.At(path).GroupBy(message => message.Subject))
            {
                var sequences = member.Select(message => message.Json["sequence"]!.GetValue<string>()).ToList();
                Assert.Equal(sequences.Order(StringComparer.Ordinal), sequences);
            }
        }

        Assert.All(receiver.At("/used"), message => Assert.Equal("points.used.v1", message.Json["type"]!.GetValue<string>()));
        var log = (await client.GetAsync($"{Base}/used/deliveries?size=100&status=DELIVERED")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray();
        Assert.Equal(
            receiver.At("/used").Select(message => $"{message.Id} 1 204").Order(StringComparer.Ordinal),
            log.Select(item => $"{item!["eventId"]} {item["attempts"]} {item["lastStatus"]}").Order(StringComparer.Ordinal));
    }

    /// <summary>Later events of a member wait while an earlier one is repeated; those of others do not.</summary>
    [Fact]
    public async Task Failures_OfOneMember_KeepItsOrderAndDelayNoOther()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var api = await StartAsync(retries: 30);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await CreateAsync(client, "one", receiver, "/one", "points.accumulated.v1", "points.used.v1");
        var isBroken = true;
        receiver.Answer = (message, http) =>
        {
            if (message.Subject == "1" && Volatile.Read(ref isBroken))
            {
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                http.Response.Headers.RetryAfter = "1";
            }

            return Task.CompletedTask;
        };

        await WriteAsync(client, members: 3, uses: 3);

        await Eventually.HoldsAsync(
            () => receiver.At("/one").Count(message => message.Subject != "1") == 2 * 4 && receiver.At("/one").Count(message => message.Subject == "1") >= 2,
            "the others have everything, and the first event of the member is repeated");
        var pending = (await client.GetAsync($"{Base}/one/deliveries?status=PENDING")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray();
        Assert.Equal(["1-1", "1-2", "1-3", "1-4"], pending.Select(item => item!["eventId"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.Equal(3, pending.Count(item => item!["dueAt"] is null));
        var first = pending.Single(item => item!["eventId"]!.GetValue<string>() == "1-1")!;
        Assert.Equal((503, "the receiver answered 503"), (first["lastStatus"]!.GetValue<int>(), first["lastError"]!.GetValue<string>()));
        Volatile.Write(ref isBroken, false);
        await Eventually.HoldsAsync(() => receiver.At("/one").Any(message => message.Id == "1-4"), "the member's events arrive");

        var ofMember = receiver.At("/one").Where(message => message.Subject == "1").ToList();
        Assert.Equal(["1-1", "1-2", "1-3", "1-4"], ofMember.Select(message => message.Id).Distinct());
        Assert.Equal(ofMember.Select(message => message.Id).Order(StringComparer.Ordinal), ofMember.Select(message => message.Id));

        // Retry-After: never earlier than the receiver wants. (The header has whole seconds, and the clocks are the same.)
        var attempts = ofMember.Where(message => message.Id == "1-1").Select(message => message.At).ToList();
        Assert.All(attempts.Zip(attempts.Skip(1)), pair => Assert.True(pair.Second - pair.First > TimeSpan.FromSeconds(0.99), $"{pair.Second - pair.First}"));
    }

    /// <summary>Receivers that fail in every way use few connections, their events become dead letters, and others are served.</summary>
    [Fact]
    public async Task Receivers_ThatFailInEveryWay_DelayNoOtherAndLoseNothing()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var api = await StartAsync(retries: 2, ("Webhooks__Timeout", "00:00:01"), ("Webhooks__Concurrency", "2"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var isBroken = true;
        receiver.Answer = (message, http) => !Volatile.Read(ref isBroken) ? Task.CompletedTask : message.Path switch
        {
            "/error" => Status(http, StatusCodes.Status500InternalServerError),
            "/redirect" => Redirect(http),
            "/reset" => Reset(http),
            "/silent" => Task.Delay(Timeout.Infinite, http.RequestAborted),
            "/endless" => EndlessAsync(http),
            _ => Task.CompletedTask,
        };
        string[] broken = ["error", "redirect", "reset", "silent"];
        foreach (var name in broken.Append("endless").Append("good"))
        {
            await CreateAsync(client, name, receiver, $"/{name}", "points.accumulated.v1");
        }

        await WriteAsync(client, members: 6, uses: 0);

        foreach (var name in broken)
        {
            await Eventually.HoldsAsync(async () => (await DeliveriesAsync(client, name, "DEAD")).Count == 6, $"the events for {name} are dead letters");
            var dead = await DeliveriesAsync(client, name, "DEAD");
            Assert.All(dead, item => Assert.Equal(3, item["attempts"]!.GetValue<int>()));
            Assert.Equal(
                name switch
                {
                    "error" => "the receiver answered 500",
                    "redirect" => "the receiver answered 302; redirects are not followed",
                    "reset" => "connection",
                    _ => "no answer within 1 s",
                },
                dead[0]["lastError"]!.GetValue<string>() is var error && name == "reset" ? error[..10] : error);
        }

        // The head of an answer that never ends says all that is wanted.
        await Eventually.HoldsAsync(async () => (await DeliveriesAsync(client, "endless", "DELIVERED")).Count == 6, "endless answers count");
        await Eventually.HoldsAsync(
            async () => (await DeliveriesAsync(client, "good", "DELIVERED")).Count == 6, "the events of another receiver are delivered");

        // At least once: on a busy machine even this answer can be late, and its event is sent again.
        Assert.Equal(6, receiver.At("/good").DistinctBy(message => message.Id).Count());
        Assert.Empty(receiver.At("/elsewhere"));
        Assert.True(receiver.OpenMax <= 2, $"{receiver.OpenMax} requests at a time");
        Assert.Empty(await DeliveriesAsync(client, "good", "DEAD"));

        Volatile.Write(ref isBroken, false);
        foreach (var name in broken)
        {
            var again = (await client.PostAsync($"{Base}/{name}/replay-dead-letters", new { })).Expect(HttpStatusCode.OK);
            Assert.Equal(6, again.NumberOf("replayed"));
            await Eventually.HoldsAsync(async () => (await DeliveriesAsync(client, name, "DELIVERED")).Count == 6, "dead letters are delivered");
            Assert.Equal(0, (await client.PostAsync($"{Base}/{name}/replay-dead-letters", new { })).Expect(HttpStatusCode.OK).NumberOf("replayed"));
        }

        var one = (await DeliveriesAsync(client, "good", "DELIVERED"))[0];
        int Sent() => receiver.At("/good").Count(message => message.Id == one["eventId"]!.GetValue<string>());
        var sent = Sent();
        (await client.PostAsync($"{Base}/good/deliveries/{one["id"]}/replay", new { })).Expect(HttpStatusCode.OK);
        await Eventually.HoldsAsync(() => Sent() > sent, "a delivered event is delivered again");
    }

    [Fact]
    public async Task Receiver_Gone_IsDisabledUntilItIsEnabled()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address, Tokens.Admin);
        await CreateAsync(client, "gone", receiver, "/gone", "points.used.v1");
        receiver.Answer = (_, http) => Status(http, StatusCodes.Status410Gone);

        await WriteAsync(client, members: 1, uses: 2);

        await Eventually.HoldsAsync(
            async () => (await client.GetAsync($"{Base}/gone")).Json["disabledReason"]?.GetValue<string>() == "the receiver wants no more events (410)",
            "the endpoint is disabled");
        await WriteAsync(client, members: 1, uses: 2);
        var refused = receiver.At("/gone").Count;
        receiver.Answer = (_, _) => Task.CompletedTask;
        var enabled = (await client.PostAsync($"{Base}/gone/enable", new { })).Expect(HttpStatusCode.OK);
        Assert.True(enabled.Json["enabled"]!.GetValue<bool>());

        await Eventually.HoldsAsync(() => receiver.At("/gone").Count == refused + 4, "what waited arrives");
        Assert.Equal(["1-2", "1-3", "1-5", "1-6"], receiver.At("/gone").Skip(refused).Select(message => message.Id));
    }

    [Fact]
    public async Task Secret_Rotated_SignsWithBothForAWhile()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var api = await StartAsync();
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var first = await CreateAsync(client, "one", receiver, "/one");
        async Task<string> RotateAsync(object body) =>
            (await client.PostAsync($"{Base}/one/rotate-secret", body)).Expect(HttpStatusCode.OK).TextOf("secret");
        async Task<Message> TestAsync()
        {
            Assert.True((await client.PostAsync($"{Base}/one/test", new { })).Expect(HttpStatusCode.OK).Json["delivered"]!.GetValue<bool>());
            return receiver.At("/one").Last(message => message.Json["type"]!.GetValue<string>() == "points.webhook-test.v1");
        }

        var second = await RotateAsync(new { });
        var both = await TestAsync();
        Verify(first, both);
        Verify(second, both);

        // The answer of the second rotation was lost, say: the first secret still signs after a third.
        var third = await RotateAsync(new { });
        var repeated = await TestAsync();
        Verify(first, repeated);
        Verify(third, repeated);
        Assert.Throws<WebhookVerificationException>(() => Verify(second, repeated));

        var last = await RotateAsync(new { overlapHours = 0 });
        var alone = await TestAsync();
        Verify(last, alone);
        Assert.Throws<WebhookVerificationException>(() => Verify(first, alone));
        Assert.Single(alone.Headers["webhook-signature"].Split(' '));
        Assert.DoesNotContain("whsec_", (await client.GetAsync(Base)).Text + (await client.GetAsync("/api/admin/audit?size=100")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("whsec_", api.Output, StringComparison.Ordinal);
    }

    /// <summary>Whatever kills the replica that sends, another one goes on: nothing is missing, and each member's events are in order.</summary>
    [Fact]
    public async Task Kill_OfTheSender_LosesNothingAndKeepsTheOrder()
    {
        Needs.Signals();
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var one = await ApiProcess.StartAsync(connectionString, SettingsOf());
        using (var client = new PointsClient(one.Address, Tokens.Admin))
        {
            await CreateAsync(client, "one", receiver, "/one", "points.used.v1");
            receiver.Answer = (_, http) => Task.Delay(20, http.RequestAborted);
            await WriteAsync(client, members: 4, uses: 10);
            await Eventually.HoldsAsync(() => receiver.At("/one").Count >= 5, "deliveries have begun");
            await one.SignalAsync("KILL");
        }

        await using var two = await ApiHost.StartAsync(connectionString, SettingsOf());
        using var other = new PointsClient(two.Address, Tokens.Admin);
        await Eventually.HoldsAsync(async () => (await DeliveriesAsync(other, "one", "DELIVERED")).Count == 40, "everything is delivered");

        foreach (var member in receiver.At("/one").GroupBy(message => message.Subject))
        {
            var ids = member.Select(message => message.Id).Distinct().ToList();
            Assert.Equal(Enumerable.Range(2, 10).Select(sequence => $"{member.Key}-{sequence}"), ids);
        }
    }

    [Fact]
    public async Task Request_Invalid_IsRefusedByName()
    {
        await using var api = await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), ("Webhooks__EndpointsMax", "1"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        const string good = "https://example.com/points";
        foreach (var (name, body, field) in new (string, object, string)[]
        {
            ("a", new { }, "url"), ("a", new { url = "" }, "url"), ("a", new { url = "example.com" }, "url"), ("a", new { url = "ftp://example.com/" }, "url"),
            ("a", new { url = "http://example.com/" }, "url"), ("a", new { url = "https://user:password@example.com/" }, "url"),
            ("a", new { url = "https://example.com/#x" }, "url"), ("a", new { url = "https://127.0.0.1/" }, "url"), ("a", new { url = "https://[::1]/" }, "url"),
            ("a", new { url = "https://169.254.169.254/latest" }, "url"), ("a", new { url = "https://[::ffff:10.0.0.1]/" }, "url"),
            ("a", new { url = $"https://example.com/{new string('x', 2000)}" }, "url"),
            ("a", new { url = good, types = "points.used.v1" }, "types"), ("a", new { url = good, types = new[] { "points.used" } }, "types"),
            ("a", new { url = good, types = new object[] { 1 } }, "types"), ("a", new { url = good, types = new[] { "points.used.v1", "points.used.v1" } }, "types"),
            ("a", new { url = good, after = "x" }, "after"), ("a", new { url = good, link = good }, "link"), ("A", new { url = good }, "name"),
            ("-a", new { url = good }, "name"), (new string('a', 41), new { url = good }, "name"), ("a", new { url = good, description = 1 }, "description"),
        })
        {
            var refused = (await client.PutAsync($"{Base}/{name}", body)).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
            Assert.Equal([field], refused.Json["errors"]!.AsObject().Select(error => error.Key));
        }

        foreach (var path in new[] { "/enable", "/disable", "/rotate-secret", "/test", "/replay-dead-letters", "/deliveries/x/replay" })
        {
            (await client.PostAsync($"{Base}/none{path}", new { })).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        }

        foreach (var name in new[] { "none", "%01", "A", new string('a', 300), "a%2Fb", "%F0%9F%92%A9" })
        {
            (await client.GetAsync($"{Base}/{name}")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        }

        (await client.GetAsync($"{Base}/none/deliveries")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await client.PutAsync($"{Base}/a", new { url = good })).Expect(HttpStatusCode.Created);
        (await client.PutAsync($"{Base}/a", new { url = good, description = "changed" })).Expect(HttpStatusCode.OK);
        (await client.PutAsync($"{Base}/a", new { url = good, description = "changed" })).Expect(HttpStatusCode.OK);
        (await client.PutAsync($"{Base}/b", new { url = good })).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await client.GetAsync($"{Base}/a/deliveries?status=LOST")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await client.GetAsync($"{Base}/a/deliveries?cursor=x")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await client.PostAsync($"{Base}/a/rotate-secret", new { overlapHours = 721 })).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");

        // A name of this machine: the address is looked at when the connection is opened.
        (await client.PutAsync($"{Base}/a", new { url = "https://localhost:1/" })).Expect(HttpStatusCode.OK);
        var tested = (await client.PostAsync($"{Base}/a/test", new { })).Expect(HttpStatusCode.OK);
        Assert.Equal((false, "refused: the address is not public"), (tested.Json["delivered"]!.GetValue<bool>(), tested.TextOf("error")));
        using var delete = new HttpRequestMessage(HttpMethod.Delete, $"{Base}/a");
        (await client.SendAsync(delete)).Expect(HttpStatusCode.NoContent);
        var audit = (await client.GetAsync("/api/admin/audit?target=webhook:a")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray();
        Assert.Equal(
            ["WEBHOOK_CHANGED", "WEBHOOK_TESTED", "WEBHOOK_CHANGED", "WEBHOOK_CHANGED", "WEBHOOK_CHANGED"],
            audit.Select(entry => entry!["action"]!.GetValue<string>()));
    }

    private async Task<ApiHost> StartAsync(int retries = 3, params (string Name, string? Value)[] settings) =>
        await ApiHost.StartAsync(await server.CreateOwnedAsync(Token), [.. SettingsOf(retries), .. settings]);

    private static (string Name, string? Value)[] SettingsOf(int retries = 3) =>
        [("Webhooks__AllowedNetworks__0", Network), .. Enumerable.Range(0, retries).Select(i => ($"Webhooks__RetryWaits__{i}", (string?)"00:00:00.05"))];

    /// <summary>Creates an endpoint that gets the whole feed, and returns its secret.</summary>
    private static async Task<string> CreateAsync(PointsClient client, string name, WebhookReceiver receiver, string path, params string[] types)
    {
        var after = PointSystem.Api.Features.Events.EventCursor.Start.ToString();
        return (await client.PutAsync($"{Base}/{name}", new { url = new Uri(receiver.Address, path), types, after })).Expect(HttpStatusCode.Created).TextOf("secret");
    }

    private static async Task WriteAsync(PointsClient client, int members, int uses)
    {
        for (var member = 1; member <= members; member++)
        {
            (await client.AccumulateAsync(member, 1000)).Expect(HttpStatusCode.Created);
        }

        for (var use = 0; use < uses; use++)
        {
            for (var member = 1; member <= members; member++)
            {
                (await client.UseAsync(member, $"A{use}", 1)).Expect(HttpStatusCode.Created);
            }
        }
    }

    private static async Task<List<JsonNode>> DeliveriesAsync(PointsClient client, string name, string status) =>
        [.. (await client.GetAsync($"{Base}/{name}/deliveries?size=100&status={status}")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray().Select(item => item!)];

    /// <summary>One of the signatures is that of the secret. (The library looks at the first one only, as of 1.1.2.)</summary>
    private static void Verify(string secret, Message message)
    {
        WebhookVerificationException? failure = null;
        foreach (var signature in message.Headers["webhook-signature"].Split(' '))
        {
            var headers = new HeaderDictionary
            {
                ["webhook-id"] = message.Id,
                ["webhook-timestamp"] = message.Headers["webhook-timestamp"],
                ["webhook-signature"] = signature,
            };
            try
            {
                new StandardWebhook(secret).Verify(message.Body, headers);
                return;
            }
            catch (WebhookVerificationException wrong)
            {
                failure = wrong;
            }
        }

        throw failure!;
    }

    private static Task Status(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    private static Task Redirect(HttpContext http)
    {
        http.Response.Redirect("/elsewhere");
        return Task.CompletedTask;
    }

    private static Task Reset(HttpContext http)
    {
        http.Abort();
        return Task.CompletedTask;
    }

    private static async Task EndlessAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status200OK;
        while (true)
        {
            await http.Response.WriteAsync(new string('x', 10_000), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }
}
