using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Npgsql;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;
using PointSystem.Tests.Telemetry;
using PointSystem.Tests.Webhooks;
using SmtpServer.Protocol;
using StandardWebhooks;

namespace PointSystem.Tests.Notifications;

/// <summary>The API and the service that sends notifications, as processes, with a mail server and a push service.</summary>
public sealed partial class NotificationTests(PointsDatabase server)
{
    private const string Admin = "/api/admin/notifications";
    private const string Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAAAAAAAAA=";

    [Fact]
    public async Task Member_IsTold_AsTheContactSays_OnceForEachEvent()
    {
        await using var mail = MailServer.Start();
        await using var push = await WebhookReceiver.StartAsync();
        var database = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(database);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await PutAsync(client, 1, new { email = "kim@example.com" })).Expect(HttpStatusCode.Created);
        (await PutAsync(client, 2, new { email = "lee@example.com", pushToken = "device-2-of-lee", language = "en" })).Expect(HttpStatusCode.Created);
        (await PutAsync(client, 3, new { email = "park@example.com", language = "en", optOuts = (string[])["ACTIVITY"] })).Expect(HttpStatusCode.Created);
        (await PutAsync(client, 4, new { email = "choi@example.com", pushToken = "device-4", optOuts = (string[])["EMAIL"] })).Expect(HttpStatusCode.Created);
        await using var service = Run(database, api, mail, push);

        (await client.AccumulateAsync(1, 98_765)).Expect(HttpStatusCode.Created);
        for (long member = 2; member <= 5; member++)
        {
            (await client.AccumulateAsync(member, 5_000)).Expect(HttpStatusCode.Created);
        }

        var use = (await client.UseAsync(2, "B-77", 1_500)).Expect(HttpStatusCode.Created).TextOf("pointKey");
        (await client.CancelUsageAsync(use, 400)).Expect(HttpStatusCode.OK);
        (await client.TransferAsync(1, 2, 7)).Expect(HttpStatusCode.Created);

        await Eventually.HoldsAsync(
            () => mail.To("kim@example.com").Count == 2 && mail.To("lee@example.com").Count == 4 && push.At("/").Count == 5, () => service.Output);
        Assert.Equal(6, mail.Mails.Count);
        var kim = mail.To("kim@example.com");
        Assert.Equal("포인트 98,765점이 적립되었습니다", kim[0].Subject);
        Assert.Contains("현재 잔액은 98,765점입니다.", kim[0].TextBody, StringComparison.Ordinal);
        Assert.Equal("포인트 7점을 보내셨습니다", kim[1].Subject);
        Assert.Equal("points@shop.example.com", kim[0].From.Mailboxes.Single().Address);
        Assert.Equal("auto-generated", kim[0].Headers["Auto-Submitted"]);
        Assert.Equal(
            ["1,500 points used", "400 points given back", "5,000 points added", "7 points received"],
            mail.To("lee@example.com").Select(one => one.Subject!).Order(StringComparer.Ordinal));
        Assert.Contains("for the order B-77 on", mail.To("lee@example.com").Single(one => one.Subject == "1,500 points used").TextBody, StringComparison.Ordinal);

        foreach (var message in push.At("/"))
        {
            new StandardWebhook(Secret).Verify(message.Body, new HeaderDictionary
            {
                ["webhook-id"] = message.Headers["webhook-id"],
                ["webhook-timestamp"] = message.Headers["webhook-timestamp"],
                ["webhook-signature"] = message.Headers["webhook-signature"],
            });
        }

        var pushed = push.At("/").Select(message => $"{message.Json["memberId"]} {message.Json["pushToken"]} {message.Json["title"]}").ToList();
        Assert.Contains("2 device-2-of-lee 1,500 points used", pushed);
        Assert.Contains("4 device-4 포인트 5,000점이 적립되었습니다", pushed);

        // The proof, without the whole address.
        var sent = (await client.GetAsync("/api/notifications/sent/2?size=3")).Expect(HttpStatusCode.OK);
        Assert.Equal(3, sent.Json["items"]!.AsArray().Count);
        var rest = (await client.GetAsync($"/api/notifications/sent/2?cursor={sent.TextOf("nextCursor")}")).Expect(HttpStatusCode.OK);
        var proofs = sent.Json["items"]!.AsArray().Concat(rest.Json["items"]!.AsArray()).Select(one => one!).ToList();
        Assert.Equal(8, proofs.Count);
        Assert.All(proofs, one => Assert.Contains(one["address"]!.GetValue<string>(), (string[])["l***@example.com", "devi***"]));
        await AssertStaysAsync(database);
        await AssertObservableAsync(service);
    }

    /// <summary>The process is killed while it sends and reads: every event has its mail, and one that was repeated has the same message id.</summary>
    [Fact]
    public async Task Kill_WhileItSends_LosesNothing()
    {
        const int Events = 60;
        await using var mail = MailServer.Start();
        var database = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(database);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await PutAsync(client, 9, new { email = "many@example.com", language = "en" })).Expect(HttpStatusCode.Created);
        var service = Run(database, api, mail);
        for (var i = 1; i <= Events; i++)
        {
            (await client.AccumulateAsync(9, i)).Expect(HttpStatusCode.Created);
            if (i % (Events / 3) == 0)
            {
                var before = mail.Mails.Count;
                await Eventually.HoldsAsync(() => mail.Mails.Count > before, () => service.Output);
                await service.KillAsync();
                await service.DisposeAsync();
                service = Run(database, api, mail);
            }
        }

        await Eventually.HoldsAsync(() => mail.Mails.Select(one => one.Subject).Distinct().Count() == Events, () => service.Output);
        await service.DisposeAsync();
        Assert.All(mail.Mails.GroupBy(one => one.Subject), same => Assert.Single(same.Select(one => one.MessageId).Distinct()));
        Assert.Equal(Events, mail.Mails.Select(one => one.MessageId).Distinct().Count());
        Assert.Equal(Events, await Books.CountAsync(database, "SELECT count(*) FROM sent_notifications"));
    }

    /// <summary>What a mail server can answer; and an administrator who sees, replays and discards what it refused.</summary>
    [Fact]
    public async Task MailServer_RefusesFailsAndIsAway_NothingIsLost()
    {
        await using var mail = MailServer.Start();
        mail.Exists = address => address != "gone@example.com";
        var isFull = true;
        mail.Answer = one => Task.FromResult(
            one.To.Mailboxes.Single().Address == "full@example.com" && Volatile.Read(ref isFull)
                ? new SmtpResponse(SmtpReplyCode.InsufficientStorage, "mailbox full")
                : SmtpResponse.Ok);
        var database = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(database);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        foreach (var (member, name) in ((long, string)[])[(1, "gone"), (2, "full"), (3, "good"), (4, "leaves")])
        {
            (await PutAsync(client, member, new { email = $"{name}@example.com", language = "en" })).Expect(HttpStatusCode.Created);
        }

        var texts = Directory.CreateTempSubdirectory("texts-");
        await File.WriteAllTextAsync(Path.Combine(texts.CreateSubdirectory("en").FullName, "points.used.v1.liquid"), "Used\n\n{% include 'none' %}", Token);
        await using var service = Run(database, api, mail, texts: texts.FullName);
        for (long member = 1; member <= 3; member++)
        {
            (await client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
        }

        await Eventually.HoldsAsync(async () => (await ListAsync(client, "?status=DEAD")).Count == 2 && mail.To("good@example.com").Count == 1, () => service.Output);
        var dead = await ListAsync(client, "?status=DEAD");
        var (full, gone) = (dead.Single(one => one["memberId"]!.GetValue<long>() == 2), dead.Single(one => one["memberId"]!.GetValue<long>() == 1));
        Assert.Equal((3, 1), (full["attempts"]!.GetValue<int>(), gone["attempts"]!.GetValue<int>()));
        Assert.StartsWith("the mail server answered 452: mailbox full", full["lastError"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.StartsWith("the mail server answered 550", gone["lastError"]!.GetValue<string>(), StringComparison.Ordinal);

        Volatile.Write(ref isFull, false);
        (await client.PostAsync($"{Admin}/{gone["id"]}/discard", new { })).Expect(HttpStatusCode.OK);
        Assert.Equal(1, (await client.PostAsync($"{Admin}/replay-dead-letters", new { })).Expect(HttpStatusCode.OK).NumberOf("replayed"));
        await Eventually.HoldsAsync(() => mail.To("full@example.com").Count == 1, () => service.Output);
        var again = (await client.PostAsync($"{Admin}/{full["id"]}/replay", new { })).Expect(HttpStatusCode.OK);
        Assert.Contains(again.TextOf("status"), (string[])["SENT", "PENDING"]);
        (await client.PostAsync($"{Admin}/99/replay", new { })).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await client.PostAsync($"{Admin}/x/discard", new { })).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");
        (await client.GetAsync($"{Admin}?status=LOST")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        var audit = (await client.GetAsync("/api/admin/audit")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray();
        Assert.Equal(
            [$"NOTIFICATION_DISCARDED notification:{gone["id"]}", "NOTIFICATION_REPLAYED notifications:DEAD"],
            audit.Select(entry => $"{entry!["action"]} {entry["target"]}").Order(StringComparer.Ordinal));

        // A text that cannot be rendered costs its own notifications alone.
        (await client.UseAsync(3, "A1", 1)).Expect(HttpStatusCode.Created);
        await Eventually.HoldsAsync(async () => (await ListAsync(client, "?status=DEAD")).Count == 1, () => service.Output);
        Assert.StartsWith("it could not be rendered or sent: ", (await ListAsync(client, "?status=DEAD"))[0]["lastError"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.False(service.HasExited, service.Output);
        texts.Delete(recursive: true);

        // The server goes, one member opts out and one leaves meanwhile, and it comes back.
        await mail.StopAsync();
        for (long member = 2; member <= 4; member++)
        {
            (await client.AccumulateAsync(member, 7)).Expect(HttpStatusCode.Created);
        }

        await Eventually.HoldsAsync(async () => (await ListAsync(client, "?status=PENDING")).Count == 3, () => service.Output);
        (await PutAsync(client, 3, new { email = "good@example.com", optOuts = (string[])["ACTIVITY"] })).Expect(HttpStatusCode.OK);
        (await client.SendAsync(new HttpRequestMessage(HttpMethod.Delete, "/api/notifications/contacts/4"))).Expect(HttpStatusCode.NoContent);
        mail.Restart();
        await Eventually.HoldsAsync(
            async () => mail.To("full@example.com").Count == 2 && (await ListAsync(client, "?status=PENDING")).Count == 0, () => service.Output);
        Assert.Empty(mail.To("leaves@example.com"));
        Assert.Single(mail.To("good@example.com"));
        Assert.Equal(
            ["the member has no contact any more", "the member opted out, or has no address"],
            (await ListAsync(client, "?status=DISCARDED")).Where(one => one["memberId"]!.GetValue<long>() > 2).Select(one => one["lastError"]!.GetValue<string>()).Order(StringComparer.Ordinal));
    }

    private static Task<Answer> PutAsync(PointsClient client, long member, object contact) => client.PutAsync($"/api/notifications/contacts/{member}", contact);

    private static async Task<List<JsonNode>> ListAsync(PointsClient client, string query) =>
        [.. (await client.GetAsync(Admin + query)).Expect(HttpStatusCode.OK).Json["items"]!.AsArray().Select(one => one!)];

    /// <summary>What was sent cannot be changed, not even by the owner of the tables.</summary>
    private static async Task AssertStaysAsync(string database)
    {
        await using var owner = NpgsqlDataSource.Create(PointsDatabase.AsOwner(database));
        foreach (var sql in (string[])
            ["UPDATE sent_notifications SET subject = ''", "DELETE FROM sent_notifications", "TRUNCATE sent_notifications"])
        {
            Assert.Equal(
                "sent_notifications is append-only: " + sql.Split(' ')[0] + " is refused",
                (await Assert.ThrowsAsync<PostgresException>(() => owner.ExecuteAsync(sql))).MessageText);
        }
    }

    /// <summary>It is ready, and has the series of the alerts.</summary>
    private static async Task AssertObservableAsync(ChildProcess service)
    {
        var address = new Uri(ListeningOn().Match(service.Output).Groups[1].Value);
        using var http = new HttpClient { BaseAddress = address };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/health/ready", UriKind.Relative), Token)).StatusCode);
        var metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), Token);
        foreach (var series in (string[])
            [
                "attempts_total{.*channel=\"email\",outcome=\"dead\"} 0\\b", "attempts_total{.*channel=\"email\",outcome=\"sent\"} 6\\b",
                "attempts_total{.*channel=\"push\",outcome=\"sent\"} 5\\b", "feed_lag_seconds{.*} 0", "overdue_seconds{.*} 0\\b",
            ])
        {
            Assert.True(Regex.IsMatch(metrics, MetricsTests.OfNotifications + series), $"{series}\n{metrics}");
        }
    }

    private static ChildProcess Run(
        string database, ApiHost api, MailServer mail, WebhookReceiver? push = null, string? texts = null) => ChildProcess.Start(
        "dotnet",
        ["exec", Path.Combine(AppContext.BaseDirectory, "PointSystem.Notifications.dll")],
        new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["ConnectionStrings__points"] = DatabaseUser.Notifier.ConnectionString(database),
            ["Feed__Address"] = api.Address.ToString(),
            ["Feed__Token"] = Tokens.Create(role: "points:events"),
            ["Feed__Interval"] = "00:00:00.1",
            ["Telemetry__Metrics__Prometheus"] = "true",
            ["Email__Host"] = "127.0.0.1",
            ["Email__Port"] = $"{mail.Port}",
            ["Email__Security"] = "None",
            ["Email__From"] = "Example Shop <points@shop.example.com>",
            ["Push__Url"] = push?.Address.ToString(),
            ["Push__Secret"] = Secret,
            ["Notifications__QuietFrom"] = "00:00",
            ["Notifications__QuietUntil"] = "00:00",
            ["Notifications__TemplateDirectory"] = texts,
            ["Notifications__Lease"] = "00:00:03",
            ["Notifications__RetryWaits__0"] = "00:00:00.2",
            ["Notifications__RetryWaits__1"] = "00:00:00.2",
            ["Local__ExitWithStdin"] = "true",
        });

    [GeneratedRegex("Now listening on: (http\\S+)")]
    private static partial Regex ListeningOn();
}
