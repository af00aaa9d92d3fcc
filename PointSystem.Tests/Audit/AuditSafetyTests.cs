using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Audit;

/// <summary>An effect and its entry are committed together or not at all, the entry stays, and is an event.</summary>
public sealed class AuditSafetyTests(PointsDatabase server)
{
    private const string Limit = "/api/admin/points/config/MAX_BALANCE_PER_MEMBER";

    [Theory]
    [InlineData("UPDATE admin_audit SET actor = 'nobody'")]
    [InlineData("UPDATE admin_audit SET actor = 'nobody' WHERE id = -1")]
    [InlineData("DELETE FROM admin_audit")]
    [InlineData("TRUNCATE admin_audit")]
    [InlineData("INSERT INTO admin_audit (id, occurred_at, actor, action, target) VALUES (1, now(), 'nobody', 'MANUAL_GRANT', 'member:1')")]
    public async Task Entry_AnyChange_IsRefusedByTheDatabase(string sql)
    {
        var database = await server.GetAsync(Token);
        var member = PointsClient.NewMember();
        await new LedgerClient(database, 1).AccumulateAsync(member, 10, manual: true);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsOwnerAsync(sql));

        Assert.Contains(refused.SqlState, (string[])[PostgresErrorCodes.RestrictViolation, "428C9"]);
        // Other tests write to the same database.
        Assert.Equal(1, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM admin_audit WHERE actor = 'test' AND target = 'member:' || $1", member));
        Assert.Equal(0, await Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM admin_audit WHERE actor = 'nobody'"));
    }

    [Fact]
    public async Task Batch_OfManyCommands_HasAnEntryForEachManualGrantThatWasAccepted()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        AccumulatePoints.Command Grant(long member, long amount, bool manual) => new(member, amount, 30, manual, null, $"actor-{member}", null);

        await new LedgerClient(database, 1).ExecuteAsync(
            Grant(1, 10, true), Grant(2, 10, false), Grant(3, 100_001, true), Grant(4, 10, true), new UsePoints.Command(1, "A1", 5, "shop", null));

        Assert.Equal(
            ["MANUAL_GRANT actor-1 member:1 10", "MANUAL_GRANT actor-4 member:4 10"],
            await Books.TextsAsync(
                database.ConnectionString, "SELECT concat_ws(' ', action, actor, target, after->>'availableAmount') FROM admin_audit ORDER BY id"));
    }

    /// <summary>The entry cannot be written: nothing happens. The effect cannot be committed: there is no entry.</summary>
    [Theory]
    [InlineData("CREATE TRIGGER fault BEFORE INSERT ON admin_audit FOR EACH ROW EXECUTE FUNCTION fault()")]
    [InlineData("CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON admin_audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault()")]
    public async Task Fault_OfEitherWrite_LeavesNeither(string trigger)
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await Books.TextsAsync(
            connectionString, "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fault'; END $$");
        await Books.TextsAsync(connectionString, trigger);
        await using var api = await ApiHost.StartAsync(connectionString);
        using var client = new PointsClient(api.Address, Tokens.Admin);

        (await client.PutAsync(Limit, new { configValue = "20000000" })).Expect(HttpStatusCode.InternalServerError);
        (await client.AccumulateAsync(1, 10, isManualGrant: true)).Expect(HttpStatusCode.InternalServerError);
        (await client.PostAsync("/api/admin/points/reconciliation/all", new { })).Expect(HttpStatusCode.InternalServerError);

        Assert.Equal("10000000", (await client.GetAsync(Limit)).TextOf("configValue"));
        Assert.Equal(0, await client.BalanceAsync(1));
        (await client.GetAsync("/api/admin/points/reconciliation/all")).Expect(HttpStatusCode.NotFound);
        await AssertEffectsHaveEntriesAsync(connectionString, expected: 0);

        // Points of others do not depend on it.
        (await client.AccumulateAsync(1, 10)).Expect(HttpStatusCode.Created);
    }

    /// <summary>The process is killed between the effect and its entry.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Kill_BetweenEffectAndEntry_LeavesBothOrNeither(bool isGrant)
    {
        Needs.Signals();
        var connectionString = await server.CreateOwnedAsync(Token);
        await Books.TextsAsync(
            connectionString,
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$");
        await Books.TextsAsync(connectionString, "CREATE TRIGGER wait BEFORE INSERT ON admin_audit FOR EACH ROW EXECUTE FUNCTION wait()");
        await using var held = await HeldTransaction.BeginAsync(connectionString, "SELECT pg_advisory_xact_lock(7)");
        await using (var api = await ApiProcess.StartAsync(connectionString))
        {
            using var client = new PointsClient(api.Address, Tokens.Admin);
            var lost = isGrant ? client.AccumulateAsync(1, 10, isManualGrant: true) : client.PutAsync(Limit, new { configValue = "20000000" });
            await held.WaitForWaitersAsync();
            await api.SignalAsync("KILL");
            await Assert.ThrowsAnyAsync<Exception>(() => lost);
        }

        await held.CommitAsync();
        await held.DisposeAsync();
        await Eventually.HoldsAsync(
            async () => await Books.CountAsync(
                connectionString, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0,
            "the sessions of the killed process end");

        // A grant's COMMIT was sent together with its entry, and is executed unless the server notices before that nobody listens. That of a change of
        // the configuration was not sent yet.
        var entries = await Books.CountAsync(connectionString, "SELECT count(*) FROM admin_audit");
        await AssertEffectsHaveEntriesAsync(connectionString, expected: isGrant ? entries : 0);
    }

    [Fact]
    public async Task Entries_AreEventsInOrder_WithTheDataOfTheList()
    {
        await using var api = await ApiHost.StartAsync(await server.CreateOwnedAsync(Token));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await client.PutAsync(Limit, new { configValue = "20000000" })).Expect(HttpStatusCode.OK);
        (await client.AccumulateAsync(1, 10, isManualGrant: true)).Expect(HttpStatusCode.Created);
        (await client.UseAsync(1, "A1", 1)).Expect(HttpStatusCode.Created);
        (await client.PostAsync("/api/admin/points/reconciliation/members/1", new { })).Expect(HttpStatusCode.OK);
        (await client.AccumulateAsync(2, 10, isManualGrant: true)).Expect(HttpStatusCode.Created);

        JsonArray events = [];
        await Eventually.HoldsAsync(
            async () => (events = (await client.GetAsync("/api/events")).Expect(HttpStatusCode.OK).Json["events"]!.AsArray()).Count >= 8, "eight events");

        var ids = events.Select(one => (string)one!["id"]!).ToList();
        Assert.Equal(["audit-1", "audit-2", "audit-3", "audit-4"], ids.Where(id => id.StartsWith("audit-", StringComparison.Ordinal)));
        Assert.Equal(["1-1", "1-2", "2-1", "audit-1", "audit-2", "audit-3", "audit-4", "config-1"], ids.Order(StringComparer.Ordinal));
        Assert.True(ids.IndexOf("1-2") < ids.IndexOf("audit-3"));
        var acted = events.Where(one => (string)one!["type"]! == "points.admin-acted.v1").ToList();
        Assert.Equal(acted.Select(one => (string)one!["sequence"]!).Order(StringComparer.Ordinal), acted.Select(one => (string)one!["sequence"]!));
        var listed = (await client.GetAsync("/api/admin/audit")).Expect(HttpStatusCode.OK).Json["items"]!.AsArray().Reverse().ToList();
        foreach (var (one, entry) in acted.Zip(listed))
        {
            Assert.Equal(
                ($"audit-{entry!["id"]}", "urn:pointsystem:audit", (string)entry["target"]!, (string)entry["occurredAt"]!),
                ((string)one!["id"]!, (string)one["source"]!, (string)one["subject"]!, (string)one["time"]!));
            var expected = new JsonObject(entry.AsObject().Where(field => field.Key is not ("id" or "occurredAt") && field.Value is not null)
                .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
            Assert.True(JsonNode.DeepEquals(expected, one["data"]), one.ToJsonString());
        }
    }

    [Fact]
    public async Task Attempt_WithoutTheRight_IsLoggedAndLeavesNothing()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var api = await ApiHost.StartAsync(connectionString);
        using var client = new PointsClient(api.Address, Tokens.Create("mallory", role: "points:write"));

        (await client.PutAsync(Limit, new { configValue = "20000000" })).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await client.AccumulateAsync(1, 10, isManualGrant: true)).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");
        (await client.GetAsync("/api/admin/audit")).IsProblem(HttpStatusCode.Forbidden, "FORBIDDEN");

        foreach (var attempt in new[] { $"PUT {Limit}", "POST /api/points/accumulate" })
        {
            var line = $"mallory may not administer: {attempt} was refused (from 127.0.0.1";
            await Eventually.SaysAsync(() => api.Output, line);
        }

        Assert.DoesNotContain("GET /api/admin/audit was refused", api.Output, StringComparison.Ordinal);
        await AssertEffectsHaveEntriesAsync(connectionString, expected: 0);
    }

    private static async Task AssertEffectsHaveEntriesAsync(string connectionString, long expected)
    {
        Assert.Equal(expected, await Books.CountAsync(connectionString, "SELECT count(*) FROM admin_audit"));
        Assert.Equal(expected, await Books.CountAsync(
            connectionString,
            "SELECT (SELECT count(*) FROM point_config_history) + (SELECT count(*) FROM point_accumulations WHERE is_manual_grant)"
                + " + (SELECT count(*) FROM reconciliation_runs)"));
    }
}
