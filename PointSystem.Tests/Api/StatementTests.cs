using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Api;

/// <summary>GET /api/points/statements/{memberId} and /api/points/orders/{orderNumber}</summary>
[Collection(ApiTests.Name)]
public sealed class StatementTests(ApiFixture api)
{
    private static readonly string[] Columns =
        ["sequence", "occurredAt", "kind", "pointKey", "accumulationKey", "orderNumber", "amount", "balanceAfter", "reason"];

    // Formulas, quotes, separators, and what an unwise guard would make of them.
    private static readonly string[] Texts =
        ["=1+1", "+82 10", "-5", "@SUM(A1)", "\uff1d1", " =2", "'quoted'", "'=3", "a\"b,c;d", "\"", "\uc8fc\ubb38-1", "plain", "\ud83d\ude00=", "1/2"];

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public async Task Statement_OfARandomHistory_AddsUpAndIsTheSameInBothFormats(int seed)
    {
        await using var database = NpgsqlDataSource.Create(PersistenceExtensions.Tune(PointsDatabase.AsReplica(api.ConnectionString)));
        using var http = api.Client();
        var client = new LedgerClient(database, seed);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        foreach (var text in Texts)
        {
            await client.RunAsync(new AccumulatePoints.Command(member, 10, 30, false, text, "test", null));
            await client.UseAsync(member, text, 7);
            client.Clock.Advance(TimeSpan.FromHours(20));
        }

        for (var i = 0; i < 40; i++)
        {
            await client.StepAsync(member, other);
        }

        var ledger = await client.LedgerAsync(member);
        DateOnly DateOf(LedgerLine line) => PastMoment.Of(line.OccurredAt, LedgerClient.Zone).Date;
        var (first, end) = (DateOf(ledger[0]), DateOf(ledger[^1]));
        var middle = DateOf(ledger[ledger.Count / 2]);
        var ranges = new[]
        {
            (first, end), (first.AddDays(-9), first.AddDays(-1)), (first, middle.AddDays(-1)), (middle, middle), (middle.AddDays(1), end.AddDays(9)),
            (DateOnly.MinValue, DateOnly.MaxValue),
        };
        var closing = new List<long>();
        foreach (var (from, to) in ranges)
        {
            var query = $"from={from:yyyy-MM-dd}&to={to:yyyy-MM-dd}";
            var (statement, entries) = await ReadAllAsync(http, $"/api/points/statements/{member}?{query}");
            var expected = ledger.Where(line => DateOf(line) >= from && DateOf(line) <= to).ToList();
            Assert.Equal(
                expected.Select(line => (line.Sequence, line.Kind, line.PointKey, line.LotKey, line.Delta, line.BalanceAfter)),
                entries.Select(entry => (
                    Number(entry, "sequence"), Text(entry, "kind")!, Text(entry, "pointKey")!, Text(entry, "accumulationKey")!, Number(entry, "amount"),
                    Number(entry, "balanceAfter"))));
            Assert.Equal(expected.Count, Number(statement, "entriesTotal"));
            Assert.Equal(ledger.Where(line => DateOf(line) < from).Sum(line => line.Delta), Number(statement, "openingBalance"));
            Assert.Equal(Number(statement, "openingBalance") + entries.Sum(entry => Number(entry, "amount")), Number(statement, "closingBalance"));
            closing.Add(Number(statement, "closingBalance"));

            var csv = await CsvAsync(http, $"/api/points/statements/{member}?{query}");
            var rows = Parse(csv.Text);
            Assert.Equal(Columns, rows[0]);
            Assert.Equal(["", "", "OPENING_BALANCE", "", "", "", "", $"{statement["openingBalance"]}", ""], rows[1]);
            Assert.Equal(["", "", "CLOSING_BALANCE", "", "", "", "", $"{statement["closingBalance"]}", ""], rows[^1]);
            Assert.Equal(
                entries.Select(entry => Columns.Select(column => entry[column]?.ToString() ?? "")),
                rows[2..^1].Select(row => row.Select((field, column) => column is 5 or 8 ? Unguard(field) : field)));
            Assert.All(rows[2..^1].SelectMany(row => new[] { row[5], row[8] }), text => Assert.DoesNotMatch(@"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", text));
        }

        Assert.Equal(closing[2], ledger.Last(line => DateOf(line) < middle).BalanceAfter);
        var (_, all) = await ReadAllAsync(http, $"/api/points/statements/{member}?from={first:yyyy-MM-dd}");
        Assert.Subset(all.Select(entry => Text(entry, "orderNumber")).ToHashSet(), Texts.ToHashSet<string?>());
        Assert.Subset(all.Select(entry => Text(entry, "reason")).ToHashSet(), Texts.ToHashSet<string?>());

        // A month is its dates, and each closes with what the next one opens with.
        var march = (await http.GetAsync($"/api/points/statements/{member}?month=2026-03")).Expect(HttpStatusCode.OK);
        var april = (await http.GetAsync($"/api/points/statements/{member}?month=2026-04")).Expect(HttpStatusCode.OK);
        Assert.Equal(("2026-03-01", "2026-03-31"), (march.TextOf("from"), march.TextOf("to")));
        Assert.Equal(march.NumberOf("closingBalance"), april.NumberOf("openingBalance"));
        Assert.Equal(ledger[^1].BalanceAfter, (await http.GetAsync($"/api/points/statements/{member}")).Expect(HttpStatusCode.OK).NumberOf("openingBalance"));
    }

    [Fact]
    public async Task Statement_WhilePagesAreRead_DoesNotChangeWithNewEntries()
    {
        using var client = api.Client();
        var member = await client.CreateMemberAsync(100);
        (await client.UseAsync(member, "A1", 10)).Expect(HttpStatusCode.Created);
        var first = (await client.GetAsync($"/api/points/statements/{member}?size=1")).Expect(HttpStatusCode.OK);
        (await client.UseAsync(member, "A2", 10)).Expect(HttpStatusCode.Created);

        var second = (await client.GetAsync($"/api/points/statements/{member}?size=5&cursor={first.TextOf("nextCursor")}")).Expect(HttpStatusCode.OK);

        Assert.Equal((90, 2), (second.NumberOf("closingBalance"), second.NumberOf("entriesTotal")));
        Assert.Equal("A1", Assert.Single(second.Json["entries"]!.AsArray())!["orderNumber"]!.GetValue<string>());
        Assert.Null(second.Json["nextCursor"]);
        Assert.Equal(3, (await client.GetAsync($"/api/points/statements/{member}")).Expect(HttpStatusCode.OK).NumberOf("entriesTotal"));
    }

    [Fact]
    public async Task Csv_OfManyEntries_IsCompleteAndTakesVersions()
    {
        using var client = api.Client();
        await using var database = NpgsqlDataSource.Create(PersistenceExtensions.Tune(PointsDatabase.AsReplica(api.ConnectionString)));
        var member = PointsClient.NewMember();
        await new LedgerClient(database, 1).GrantManyAsync(member, 2_000, 1);

        var csv = await CsvAsync(client, $"/api/points/statements/{member}?month=2026-03");

        Assert.Equal(Enumerable.Range(1, 2_000).Select(number => $"{number}"), Parse(csv.Text)[2..^1].Select(row => row[0]));
        Assert.EndsWith(",,CLOSING_BALANCE,,,,,2000,\r\n", csv.Text, StringComparison.Ordinal);
        Assert.Equal(("text/csv; charset=utf-8; header=present", "Accept"), (csv.ContentType, csv.Headers["Vary"]));
        // Without dates a statement is of the current month, so it depends on the date.
        Assert.Matches("^W/\"2000-[0-9]{8}\"$", csv.Headers["ETag"]);
        var path = $"/api/points/statements/{member}?month=2026-03";
        Assert.Equal(HttpStatusCode.NotModified, (await CsvAsync(client, path, ("If-None-Match", csv.Headers["ETag"]))).Status);
        (await CsvAsync(client, path, ("X-Min-Version", "2001"))).IsProblem(HttpStatusCode.PreconditionFailed, "VERSION_NOT_REACHED");
        (await CsvAsync(client, $"{path}&size=10")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
        (await CsvAsync(client, $"/api/points/statements/{member}?month=x")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
    }

    [Theory]
    [InlineData("text/csv, application/json;q=0.5", true)]
    [InlineData("text/csv, */*;q=0.1", true)]
    [InlineData("application/json, text/csv;q=0.9", false)]
    [InlineData("text/csv;q=0", false)]
    [InlineData("*/*", false)]
    [InlineData("nonsense", false)]
    public async Task Statement_Accept_DecidesTheFormat(string accept, bool isCsv)
    {
        using var client = api.Client();
        var answer = (await SendAsync(client, "/api/points/statements/7", accept)).Expect(HttpStatusCode.OK);
        Assert.Equal(isCsv, answer.ContentType.StartsWith("text/csv", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Order_OfSeveralMembers_HasEveryUsageAsItsOwnReadHasIt()
    {
        using var client = api.Client();
        var order = $"A/{Guid.NewGuid():n}?#% \uc8fc\ubb38";
        var members = new[] { await client.CreateMemberAsync(1_000), await client.CreateMemberAsync(1_000), await client.CreateMemberAsync(1_000) };
        var keys = new List<string>();
        foreach (var member in members)
        {
            for (var i = 0; i < 2; i++)
            {
                keys.Add((await client.UseAsync(member, order, 100)).Expect(HttpStatusCode.Created).TextOf("pointKey"));
            }
        }

        (await client.UseAsync(members[0], order + "2", 100)).Expect(HttpStatusCode.Created);
        (await client.CancelUsageAsync(keys[1], 30)).Expect(HttpStatusCode.OK);
        (await client.CancelUsageAsync(keys[1], 20)).Expect(HttpStatusCode.OK);
        (await client.CancelUsageAsync(keys[4])).Expect(HttpStatusCode.OK);
        var path = $"/api/points/orders/{Uri.EscapeDataString(order)}";

        foreach (var size in new[] { 1, 4, 100 })
        {
            var usages = new List<JsonNode>();
            for (string? cursor = "first"; cursor is not null;)
            {
                var page = (await client.GetAsync($"{path}?size={size}{(cursor == "first" ? "" : $"&cursor={cursor}")}")).Expect(HttpStatusCode.OK);
                Assert.Equal(order, page.TextOf("orderNumber"));
                usages.AddRange(page.Json["usages"]!.AsArray().Select(usage => usage!));
                cursor = page.Json["nextCursor"]?.GetValue<string>();
            }

            Assert.Equal(keys, usages.Select(usage => Text(usage, "pointKey")));
            foreach (var usage in usages)
            {
                var own = (await client.GetAsync($"/api/points/use/{Text(usage, "pointKey")}")).Expect(HttpStatusCode.OK).Json;
                Assert.Equal(own.ToJsonString(), usage.ToJsonString());
            }
        }

        Assert.Empty((await client.GetAsync("/api/points/orders/none")).Expect(HttpStatusCode.OK).Json["usages"]!.AsArray());
    }

    [Theory]
    [InlineData("%20")]
    [InlineData("A%1F")]
    [InlineData("A%E2%80%8B")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x")]
    public async Task Order_InvalidNumber_IsRefused(string number)
    {
        using var client = api.Client();
        var refused = (await client.GetAsync($"/api/points/orders/{number}")).IsProblem(HttpStatusCode.BadRequest, "INVALID_ORDER_NUMBER");
        Assert.Equal(["orderNumber"], refused.Json["errors"]!.AsObject().Select(error => error.Key));
    }

    private static async Task<(JsonNode Statement, List<JsonNode> Entries)> ReadAllAsync(PointsClient client, string path)
    {
        var statement = (await client.GetAsync($"{path}&size=23")).Expect(HttpStatusCode.OK).Json;
        var entries = new List<JsonNode>();
        for (var page = statement; ;)
        {
            entries.AddRange(page["entries"]!.AsArray().Select(entry => entry!));
            Assert.Equal(
                (Number(statement, "openingBalance"), Number(statement, "closingBalance")), (Number(page, "openingBalance"), Number(page, "closingBalance")));
            if (page["nextCursor"] is not { } cursor)
            {
                return (statement, entries);
            }

            page = (await client.GetAsync($"{path}&size=23&cursor={cursor}")).Expect(HttpStatusCode.OK).Json;
        }
    }

    private static Task<Answer> CsvAsync(PointsClient client, string path, params (string Name, string Value)[] headers) =>
        SendAsync(client, path, "text/csv", headers);

    private static Task<Answer> SendAsync(PointsClient client, string path, string accept, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers.Append(("Accept", accept)))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return client.SendAsync(request);
    }

    private static long Number(JsonNode node, string name) => node[name]!.GetValue<long>();

    private static string? Text(JsonNode node, string name) => node[name]?.GetValue<string>();

    private static string Unguard(string field) => field.StartsWith('\'') ? field[1..] : field;

    /// <summary>Parses RFC 4180.</summary>
    private static List<string[]> Parse(string csv)
    {
        var (rows, row, field, isQuoted) = (new List<string[]>(), new List<string>(), new StringBuilder(), false);
        for (var i = 0; i < csv.Length; i++)
        {
            switch (csv[i])
            {
                case '"' when isQuoted && i + 1 < csv.Length && csv[i + 1] == '"':
                    field.Append(csv[i++]);
                    break;
                case '"':
                    isQuoted = !isQuoted;
                    break;
                case ',' when !isQuoted:
                    row.Add(field.ToString());
                    field.Clear();
                    break;
                case '\r' when !isQuoted && csv[i + 1] == '\n':
                    row.Add(field.ToString());
                    rows.Add([.. row]);
                    row.Clear();
                    field.Clear();
                    i++;
                    break;
                default:
                    field.Append(csv[i]);
                    break;
            }
        }

        Assert.False(isQuoted);
        Assert.Empty(row);
        Assert.All(rows, one => Assert.Equal(Columns.Length, one.Length));
        return rows;
    }
}
