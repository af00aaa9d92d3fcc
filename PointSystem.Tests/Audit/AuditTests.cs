using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Tests.Api;
using PointSystem.Tests.Reconciliation;

namespace PointSystem.Tests.Audit;

/// <summary>GET /api/admin/audit, and what each action of an administrator leaves there.</summary>
[Collection(ApiTests.Name)]
public sealed class AuditTests : IDisposable
{
    private const string Config = "/api/admin/points/config";
    private const string Reconciliation = "/api/admin/points/reconciliation";

    private readonly ApiFixture _api;
    private readonly string _subject = $"admin-{Guid.NewGuid():n}";
    private readonly PointsClient _client;

    // Each test has an administrator of its own, so that the entries of others are not in its lists.
    public AuditTests(ApiFixture api)
    {
        _api = api;
        _client = api.Client(Tokens.Create(_subject, claims: new Dictionary<string, object> { ["azp"] = "console", ["name"] = "Anna; Kim" }));
    }

    private string Actor => $"{_subject};client=console;name=Anna%3B Kim";

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task EveryAction_LeavesOneEntryWithWhoWhereWhatBeforeAndAfter()
    {
        var member = PointsClient.NewMember();
        var limit = $"{Config}/MAX_ACCUMULATION_AMOUNT_PER_TIME";
        var description = (await _client.GetAsync(limit)).TextOf("description");
        (await _client.PutAsync(limit, new { configValue = 99_000, description = "Lowered" })).Expect(HttpStatusCode.OK);
        (await _client.PutAsync(limit, new { configValue = 100_000, description })).Expect(HttpStatusCode.OK);
        var grant = new HttpRequestMessage(HttpMethod.Post, "/api/points/accumulate")
        {
            Content = System.Net.Http.Json.JsonContent.Create(new { memberId = member, amount = 25, isManualGrant = true }),
            Headers = { { "X-Forwarded-For", "203.0.113.9" } },
        };
        var lot = (await _client.SendAsync(grant)).Expect(HttpStatusCode.Created);
        var report = (await _client.PostAsync($"{Reconciliation}/members/{member}", new { })).Expect(HttpStatusCode.OK);
        var run = (await _client.PostAsync($"{Reconciliation}/all", new { })).Expect(HttpStatusCode.Accepted).NumberOf("runId");
        Answer? end = null;
        await Eventually.HoldsAsync(
            async () => (end = await _client.GetAsync($"{Reconciliation}/all/{run}")).TextOf("status") == "COMPLETED", "the run ends");

        var entries = await EntriesAsync();

        Assert.Equal(
            [
                ("CONFIG_CHANGED", "config:MAX_ACCUMULATION_AMOUNT_PER_TIME"),
                ("CONFIG_CHANGED", "config:MAX_ACCUMULATION_AMOUNT_PER_TIME"),
                ("MANUAL_GRANT", $"member:{member}"),
                ("MEMBER_RECONCILED", $"member:{member}"),
                ("RECONCILIATION_STARTED", $"reconciliation-run:{run}"),
                ("RECONCILIATION_COMPLETED", $"reconciliation-run:{run}"),
            ],
            entries.Select(entry => (Text(entry, "action"), Text(entry, "target"))));
        Assert.All(entries, entry => Assert.Equal(Actor, Text(entry, "actor")));

        // The end of the run has no request.
        Assert.All(entries.SkipLast(1), entry => Assert.Equal("127.0.0.1", Text(entry, "address")));
        Assert.All(entries.SkipLast(1), entry => Assert.Matches("^[0-9a-f]{32}$", Text(entry, "traceId")));
        Assert.Equal((null, null), (Text(entries[5], "address"), Text(entries[5], "traceId")));
        Assert.Equal([null, null, "203.0.113.9", null, null, null], entries.Select(entry => Text(entry, "forwardedFor")));
        AssertJson(new JsonObject { ["configValue"] = "100000", ["description"] = description }, entries[0]["before"]);
        AssertJson(new JsonObject { ["configValue"] = "99000", ["description"] = "Lowered" }, entries[0]["after"]);
        AssertJson(entries[0]["after"]!, entries[1]["before"]);
        AssertJson(entries[0]["before"]!, entries[1]["after"]);
        Assert.Null(entries[2]["before"]);
        AssertJson(lot.Json, entries[2]["after"]);
        AssertJson(JsonNode.Parse("""{"walletBalance":25,"ledgerBalance":25,"lotsBalance":25}""")!, entries[3]["before"]);
        AssertJson(report.Json, entries[3]["after"]);
        AssertJson(new JsonObject { ["runId"] = run, ["status"] = "RUNNING" }, entries[4]["after"]);
        AssertJson(entries[4]["after"]!, entries[5]["before"]);
        Assert.Equal(end!.NumberOf("members"), entries[5]["after"]!["members"]!.GetValue<long>());
    }

    [Fact]
    public async Task Correction_IsInTheAuditWithTheFiguresBeforeAndAfter()
    {
        var member = PointsClient.NewMember();
        (await _client.AccumulateAsync(member, 100)).Expect(HttpStatusCode.Created);
        await using (var database = NpgsqlDataSource.Create(_api.ConnectionString))
        {
            await Reconcilers.TamperAsync(database, "UPDATE member_wallets SET balance = balance + 7 WHERE member_id = @m", member);
        }

        (await _client.PostAsync($"{Reconciliation}/members/{member}", new { })).Expect(HttpStatusCode.OK);

        var entry = Assert.Single(await EntriesAsync());
        AssertJson(JsonNode.Parse("""{"walletBalance":107,"ledgerBalance":100,"lotsBalance":100}""")!, entry["before"]);
        var after = entry["after"]!;
        Assert.Equal(("CORRECTED", 100, 100), (Text(after, "status"), (int)after["walletBalance"]!, (int)after["lotsBalance"]!));
        Assert.Equal("The wallet has 107 points at version 1, but the ledger has 100 at 1.", (string)after["findings"]![0]!);
    }

    [Fact]
    public async Task WhatChangesNothing_LeavesNoEntry()
    {
        var member = PointsClient.NewMember();
        var current = (await _client.GetAsync($"{Config}/MAX_BALANCE_PER_MEMBER")).TextOf("configValue");
        (await _client.PutAsync($"{Config}/MAX_BALANCE_PER_MEMBER", new { configValue = current })).Expect(HttpStatusCode.OK);
        (await _client.PutAsync($"{Config}/MAX_BALANCE_PER_MEMBER", new { configValue = "0" })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _client.PutAsync($"{Config}/MIN_EXPIRATION_DAYS", new { configValue = "366" })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _client.PutAsync($"{Config}/NO_SUCH_KEY", new { configValue = "1" })).Expect(HttpStatusCode.NotFound);
        (await _client.AccumulateAsync(member, 100_001, isManualGrant: true)).Expect(HttpStatusCode.UnprocessableEntity);
        (await _client.AccumulateAsync(member, 10)).Expect(HttpStatusCode.Created);
        (await _client.PostAsync($"{Reconciliation}/members/0", new { })).Expect(HttpStatusCode.BadRequest);
        Assert.Empty(await EntriesAsync());

        for (var attempt = 0; attempt < 3; attempt++)
        {
            (await _client.AccumulateAsync(member, 10, isManualGrant: true, idempotencyKey: $"grant-{member}")).Expect(HttpStatusCode.Created);
            (await _client.PostAsync($"{Reconciliation}/members/{member}", new { }, $"reconcile-{member}")).Expect(HttpStatusCode.OK);
        }

        Assert.Equal(["MANUAL_GRANT", "MEMBER_RECONCILED"], (await EntriesAsync()).Select(entry => Text(entry, "action")));
    }

    [Fact]
    public async Task List_AnyPageSizeAndFilter_IsThatPartNewestFirst()
    {
        var (one, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        foreach (var member in new[] { one, other, one, other, one })
        {
            (await _client.AccumulateAsync(member, 5, isManualGrant: true)).Expect(HttpStatusCode.Created);
        }

        (await _client.PostAsync($"{Reconciliation}/members/{one}", new { })).Expect(HttpStatusCode.OK);
        var all = await EntriesAsync();
        Assert.Equal(6, all.Count);
        foreach (var size in new[] { 1, 2, 4, 6 })
        {
            Assert.Equal(Ids(all).Reverse(), await PagesAsync($"?actor={Uri.EscapeDataString(Actor)}", size));
        }

        async Task ExpectAsync(string query, Func<JsonNode, bool> isExpected)
        {
            query = query.Contains("actor=", StringComparison.Ordinal) ? query : $"{query}&actor={Uri.EscapeDataString(Actor)}";
            Assert.Equal(Ids(all.Where(isExpected)).Reverse(), await PagesAsync(query, 2));
        }

        var third = Text(all[2], "occurredAt")!;
        var moment = Uri.EscapeDataString(third);
        await ExpectAsync($"?target=member:{one}", entry => Text(entry, "target") == $"member:{one}");
        await ExpectAsync("?action=MEMBER_RECONCILED", entry => Text(entry, "action") == "MEMBER_RECONCILED");
        await ExpectAsync($"?target=member:{one}&action=MANUAL_GRANT", entry => Text(entry, "target") == $"member:{one}" && entry["before"] is null);
        await ExpectAsync($"?from={moment}", entry => string.CompareOrdinal(Text(entry, "occurredAt"), third) >= 0);
        await ExpectAsync($"?to={moment}", entry => string.CompareOrdinal(Text(entry, "occurredAt"), third) < 0);
        await ExpectAsync($"?from={moment}&to={moment}", _ => false);
        await ExpectAsync($"?actor={_subject}", _ => false);
    }

    [Theory]
    [InlineData("action=GRANT", "action", "action must be one of CONFIG_CHANGED, ")]
    [InlineData("action=", "action", "action must be one of CONFIG_CHANGED, ")]
    [InlineData("actor=", "actor", "actor must not be empty.")]
    [InlineData("actor=a%00b", "actor", "actor must not contain control characters.")]
    [InlineData("actor=a&actor=b", "actor", "actor must be given at most once.")]
    [InlineData("target=%0A", "target", "target must not contain control characters.")]
    [InlineData("from=2026-01-01", "from", "from must be an RFC 3339 instant with offset")]
    [InlineData("to=now", "to", "to must be an RFC 3339 instant with offset")]
    [InlineData("size=101", "size", "size must be a whole number from 1 to 100.")]
    [InlineData("cursor=x", "cursor", "cursor must be the nextCursor of an earlier page")]
    [InlineData("acter=x", "acter", "acter is unknown here; the nearest parameter is actor.")]
    public async Task List_WrongParameter_IsRefusedByName(string query, string field, string sentence)
    {
        var answer = (await _client.GetAsync($"/api/admin/audit?{query}")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");

        Assert.StartsWith(sentence, answer.Sentence(field), StringComparison.Ordinal);
    }

    private static void AssertJson(JsonNode expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(expected, actual), $"Expected {expected.ToJsonString()}, got {actual?.ToJsonString() ?? "null"}");

    private static string? Text(JsonNode entry, string name) => (string?)entry[name];

    private static IEnumerable<long> Ids(IEnumerable<JsonNode> entries) => entries.Select(entry => (long)entry["id"]!);

    /// <summary>The entries of this test, oldest first.</summary>
    private async Task<IReadOnlyList<JsonNode>> EntriesAsync()
    {
        var page = (await _client.GetAsync($"/api/admin/audit?size=100&actor={Uri.EscapeDataString(Actor)}")).Expect(HttpStatusCode.OK).Json;
        return [.. page["items"]!.AsArray().Select(entry => entry!).Reverse()];
    }

    private async Task<List<long>> PagesAsync(string query, int size)
    {
        var (ids, cursor) = (new List<long>(), (string?)null);
        do
        {
            var page = (await _client.GetAsync($"/api/admin/audit{query}&size={size}{(cursor is null ? "" : $"&cursor={cursor}")}"))
                .Expect(HttpStatusCode.OK).Json;
            var items = page["items"]!.AsArray();
            Assert.True(items.Count <= size);
            ids.AddRange(Ids(items.Select(entry => entry!)));
            cursor = (string?)page["nextCursor"];
        }
        while (cursor is not null);
        return ids;
    }
}
