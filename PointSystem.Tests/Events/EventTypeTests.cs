using System.Globalization;
using System.Net.Mime;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudNative.CloudEvents.SystemTextJson;
using Json.Schema;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Features;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Features;
using CloudEvent = PointSystem.Api.Features.Events.CloudEvent;

namespace PointSystem.Tests.Events;

/// <summary>Every type of event, with its data, its schema in the AsyncAPI document, and in docs/events.md.</summary>
public sealed class EventTypeTests(PointsDatabase server)
{
    private static readonly JsonNode AsyncApi = ReadAsyncApi();

    [Fact]
    public async Task Events_OfTheExampleOfTheRules_HaveTheirData()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 1);
        var granted = LedgerClient.KeyOf(await client.AccumulateAsync(7, 1000, days: 1)).Value;
        var other = LedgerClient.KeyOf(await client.AccumulateAsync(7, 500, days: 30, manual: true)).Value;
        var usage = await client.UseAsync(7, "A1234", 1200);
        await client.TransferAsync(7, 8, 100);
        client.Clock.Advance(TimeSpan.FromDays(3));
        var cancellation = LedgerClient.KeyOf(await client.CancelAsync(usage, 1100)).Value;

        var events = await ReadAsync(database);

        Assert.Equal(
            ["points.accumulated.v1", "points.accumulated.v1", "points.used.v1", "points.transferred.v1", "points.expired.v1", "points.use-cancelled.v1"],
            events.Where(one => one.Subject == "7").Select(one => one.Type));
        var used = events.Single(one => one.Type == EventTypes.Used);
        Assert.Equal(("7-4", "urn:pointsystem:member:7", "7", "0000000000000000004"), (used.Id, used.Source, used.PartitionKey, used.Sequence));
        Assert.Equal(
            (usage.Value, "A1234", -1200L, 300L, 2L),
            (used.Data.PointKey, used.Data.OrderNumber, used.Data.Amount, used.Data.BalanceAfter, used.Data.DetailsTotal));
        Assert.Equal(
            [new EventDetail(other, -500, new DateOnly(2026, 3, 31), true), new EventDetail(granted, -700, new DateOnly(2026, 3, 2), false)],
            used.Data.Details);

        var given = events.Single(one => one is { Type: EventTypes.Transferred, Subject: "7" });
        var received = events.Single(one => one is { Type: EventTypes.Transferred, Subject: "8" });
        Assert.Equal((given.Data.PointKey, 7L, 8L, -100L), (received.Data.PointKey, given.Data.FromMemberId, given.Data.ToMemberId, given.Data.Amount));
        Assert.Equal((7L, 8L, 100L, 100L), (received.Data.FromMemberId, received.Data.ToMemberId, received.Data.Amount, received.Data.BalanceAfter));
        Assert.Equal(granted, Assert.Single(received.Data.Details!).SourceAccumulationKey);
        var expired = events.Single(one => one.Type == EventTypes.Expired).Data;
        Assert.Equal((-200L, granted), (expired.Amount, expired.PointKey));

        // 500 points were restored, and the 600 of the expired lot granted again: two groups of entries, one event.
        var cancelled = events.Single(one => one.Type == EventTypes.UseCancelled);
        Assert.Equal(
            (cancellation, usage.Value, "A1234", 1100L, "why"),
            (cancelled.Data.PointKey, cancelled.Data.UsagePointKey, cancelled.Data.OrderNumber, cancelled.Data.Amount, cancelled.Data.Reason));
        Assert.Equal([(other, (string?)null, 500L), (cancelled.Data.Details![1].AccumulationKey, granted, 600L)],
            cancelled.Data.Details.Select(detail => (detail.AccumulationKey, detail.SourceAccumulationKey, detail.Amount)));
    }

    [Fact]
    public async Task Events_OfEveryType_ConformToCloudEventsAndToTheirSchema()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 3);
        for (var i = 0; i < 400; i++)
        {
            await client.StepAsync(1 + (i % 3), 4);
        }

        var notices = new ExpiryNotices(database, Options.Create(new JobOptions()), client.Clock);
        await client.AccumulateAsync(6, 10, days: 30);
        Assert.True(await notices.RunChunkAsync(client.Now.Today, Token));
        var lot = LedgerClient.KeyOf(await client.AccumulateAsync(5, 10));
        await client.RunAsync(new PointSystem.Api.Features.Points.CancelAccumulation.Command(lot, "by mistake", "test", null));
        await database.CreateCommand(
            "INSERT INTO point_config_history (config_key, old_value, new_value, updated_at, updated_by)"
                + " VALUES ('MAX_BALANCE_PER_MEMBER', '1', '2', now(), 'ops')")
            .ExecuteNonQueryAsync(Token);

        var events = await ReadAsync(database);

        Assert.Equal(EventTypes.All.Order(), events.Select(one => one.Type).Distinct().Order());
        var schemas = EventTypes.All.ToDictionary(type => type, SchemaOf);
        var formatter = new JsonEventFormatter();
        foreach (var one in events)
        {
            var json = JsonSerializer.Serialize(one, PointJsonContext.Wire.CloudEvent);
            Assert.Null(OpenApiContract.FindFault(schemas[one.Type], json));
            var parsed = formatter.DecodeStructuredModeMessage(Encoding.UTF8.GetBytes(json), new ContentType("application/cloudevents+json"), null);
            Assert.True(parsed.IsValid);
            Assert.Equal((one.Id, one.Type, one.Sequence), (parsed.Id, parsed.Type, (string?)parsed["sequence"]));
            Assert.Equal(one.Data.Details?.Sum(detail => detail.Amount), one.Data.Amount);
        }

        // The check itself must be able to fail.
        Assert.NotNull(OpenApiContract.FindFault(schemas[EventTypes.Used], JsonSerializer.Serialize(events[0], PointJsonContext.Wire.CloudEvent)));
    }

    // What an operation on the points of a member wrote has one key, which later operations on the same accumulation have too.
    private const string Operations =
        """
        SELECT e.member_id || '-' || max(e.sequence) || ' ' || sum(e.delta) || ' ' || (array_agg(e.balance_after ORDER BY e.sequence DESC))[1] || ' '
            || coalesce(max(u.order_number), '') || ' '
            || string_agg(concat_ws(':', a.point_key, e.delta, a.expiration_date, a.is_manual_grant,
                CASE WHEN e.sequence = e.lot_id THEN a.source_point_key END), ',' ORDER BY e.sequence)
        FROM point_ledger_entries AS e
        JOIN point_accumulations AS a USING (member_id, lot_id)
        LEFT JOIN usage_cancellations AS c ON c.member_id = e.member_id AND c.point_key = e.point_key
        LEFT JOIN point_usages AS u ON u.member_id = e.member_id AND (u.point_key = e.point_key OR u.usage_id = c.usage_id)
        GROUP BY e.member_id, e.point_key, CASE e.kind WHEN 'REGRANT' THEN 'USE_CANCEL' ELSE e.kind END
        """;

    /// <summary>Batches take from the same lot again and again, and from several at once; pages end anywhere among them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Events_OfRandomBatches_SayWhatTheLedgerSays(int seed)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var random = new Random(seed);
        await RunBatchesAsync(database, seed, random);

        var expected = (await Books.TextsAsync(database.ConnectionString, Operations)).Order(StringComparer.Ordinal).ToList();
        Assert.True(expected.Count(text => text.Contains(',', StringComparison.Ordinal)) > 10, "Few operations have several entries.");
        foreach (var limit in (int[])[1000, 1, 2 + random.Next(30)])
        {
            Assert.Equal(expected, (await ReadAsync(database, limit)).Where(one => one.Data.Details is not null).Select(Text).Order(StringComparer.Ordinal));
        }
    }

    /// <summary>The ledger says what happened, also where the usages say something else or are gone. No event may stop those of all other members.</summary>
    [Theory]
    [InlineData("UPDATE point_usages SET total_amount = total_amount + 1")]
    [InlineData("DELETE FROM point_usages")]
    public async Task Events_OfUsagesThatAreWrong_SayWhatTheLedgerSays(string damage)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        await RunBatchesAsync(database, 4, new Random(4));
        var before = (await ReadAsync(database, 1000)).Select(TextWithoutOrder).ToList();

        await Reconciliation.Reconcilers.TamperAsync(database, damage, member: 0);

        foreach (var limit in (int[])[1000, 1, 7])
        {
            Assert.Equal(before, (await ReadAsync(database, limit)).Select(TextWithoutOrder));
        }

        static string TextWithoutOrder(CloudEvent one) => Text(one with { Data = one.Data with { OrderNumber = null } });
    }

    private static async Task RunBatchesAsync(NpgsqlDataSource database, int seed, Random random)
    {
        var client = new LedgerClient(database, seed);
        for (var i = 0; i < 80; i++)
        {
            await client.StepAsync(1 + random.Next(3), 4);
            await client.ExecuteAsync([.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (long)random.Next(1, 5)).Order().Select(member => random.Next(8) == 0
                ? new PointSystem.Api.Features.Points.AccumulatePoints.Command(member, random.Next(1, 30), random.Next(1, 60), false, null, "test", null)
                : (PointSystem.Api.Ledger.IPointCommand)new PointSystem.Api.Features.Points.UsePoints.Command(member, $"O{i}", random.Next(1, 20), "test", null))]);
        }
    }

    private static string Text(CloudEvent one) => string.Create(CultureInfo.InvariantCulture,
        $"{one.Id} {one.Data.Amount} {one.Data.BalanceAfter} {one.Data.OrderNumber} {string.Join(',', (one.Data.Details ?? []).Select(TextOf))}");

    private static string TextOf(EventDetail detail) => string.Create(CultureInfo.InvariantCulture,
        $"{detail.AccumulationKey}:{detail.Amount}:{detail.ExpirationDate:yyyy-MM-dd}:{(detail.IsManualGrant ? 't' : 'f')}")
        + (detail.SourceAccumulationKey is { } source ? ':' + source : "");

    [Fact]
    public async Task Event_OfMoreThanAHundredLots_HasTheFirstHundredAndACursor()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, seed: 1);
        await client.GrantManyAsync(1, 150, 1);
        var usage = await client.UseAsync(1, "A1", 150);

        var used = (await ReadAsync(database)).Single(one => one.Type == EventTypes.Used);

        Assert.Equal((100, 150L, -150L, usage.Value), (used.Data.Details!.Count, used.Data.DetailsTotal, used.Data.Amount, used.Data.PointKey));
        Assert.True(PointSystem.Api.Features.Points.Queries.HistoryQuery.TryReadEntriesCursor(1, used.Data.DetailsNextCursor!, out var first, out var last));
        Assert.Equal((251, 300), (first, last));
    }

    [Fact]
    public void AsyncApi_Document_HasTheTypesAndFieldsOfTheCode()
    {
        var schemas = AsyncApi["components"]!["schemas"]!.AsObject().Where(schema => schema.Key != "Detail").ToList();

        Assert.Equal(EventTypes.All.Order(), schemas.Select(schema => schema.Value!["properties"]!["type"]!["const"]!.GetValue<string>()).Order());
        Assert.Equal(
            EventTypes.All.Order(), AsyncApi["components"]!["messages"]!.AsObject().Select(message => message.Value!["name"]!.GetValue<string>()).Order());
        Assert.All(schemas, schema => Assert.Equal(FieldsOf(typeof(CloudEvent)), NamesOf(schema.Value!)));
        Assert.Equal(FieldsOf(typeof(EventData)), schemas.SelectMany(schema => NamesOf(schema.Value!["properties"]!["data"]!)).Distinct().Order());
        Assert.Equal(FieldsOf(typeof(EventDetail)), NamesOf(AsyncApi["components"]!["schemas"]!["Detail"]!));
    }

    [Fact]
    public void Document_Schemas_AreThoseOfTheAsyncApiDocument()
    {
        var text = File.ReadAllText(Path.Combine(BuildOutputs.Repository, "docs", "events.md"));
        var blocks = text.Split("```json\n")[1..].Select(block => JsonNode.Parse(block.Split("\n```")[0])!)
            .Where(block => block["$schema"] is not null).ToDictionary(block => block["title"]!.GetValue<string>());

        var schemas = AsyncApi["components"]!["schemas"]!.AsObject();
        foreach (var type in EventTypes.All)
        {
            var schema = schemas.Single(one => one.Value!["properties"]?["type"]?["const"]?.GetValue<string>() == type).Value!;
            var expected = JsonNode.Parse(schema["properties"]!["data"]!.ToJsonString()
                .Replace("""{"$ref":"#/components/schemas/Detail"}""", schemas["Detail"]!.ToJsonString(), StringComparison.Ordinal));
            Assert.True(JsonNode.DeepEquals(expected, Data(blocks[type])), $"The schema of {type} in docs/events.md differs.");
        }

        JsonObject Data(JsonNode block) => new(block.AsObject().Where(field => field.Key is not ("$schema" or "title"))
            .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
    }

    private static async Task<List<CloudEvent>> ReadAsync(NpgsqlDataSource database, int limit = 100)
    {
        var (events, cursor) = (new List<CloudEvent>(), EventCursor.Start);
        await Eventually.HoldsAsync(
            async () =>
            {
                var page = (await EventFeed.ReadAsync(database, cursor, limit, Token))!;
                events.AddRange(page.Events.Select(one => one.Event));
                cursor = page.Next;

                // Other tests on the server may hold the horizon for a moment.
                return !page.HasMore && await Books.CountAsync(
                    database.ConnectionString,
                    "SELECT count(*) FROM (SELECT position FROM point_ledger_entries UNION ALL SELECT position FROM point_config_history"
                        + " UNION ALL SELECT position FROM admin_audit UNION ALL SELECT position FROM expiry_notices) AS p "
                        + "WHERE position >= event_horizon()") == 0;
            },
            "all events can be read");
        var rest = (await EventFeed.ReadAsync(database, cursor, 1000, Token))!;
        return [.. events, .. rest.Events.Select(one => one.Event)];
    }

    private static JsonNode ReadAsyncApi()
    {
        using var stream = typeof(EventFeed).Assembly.GetManifestResourceStream("asyncapi.json")!;
        return JsonNode.Parse(stream)!;
    }

    private static JsonSchema SchemaOf(string type)
    {
        var schemas = AsyncApi["components"]!["schemas"]!;
        var name = schemas.AsObject().Single(one => one.Value!["properties"]?["type"]?["const"]?.GetValue<string>() == type).Key;
        var definitions = schemas.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal);
        return JsonSchema.FromText($$"""{"$ref":"#/$defs/{{name}}","$defs":{{definitions}}}""");
    }

    private static IEnumerable<string> NamesOf(JsonNode schema) => schema["properties"]!.AsObject().Select(property => property.Key).Order();

    private static IEnumerable<string> FieldsOf(Type type) =>
        PointJsonContext.Wire.GetTypeInfo(type)!.Properties.Select(property => property.Name).Order();
}
