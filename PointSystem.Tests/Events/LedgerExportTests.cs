using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Events;

/// <summary>The export of the ledger: every entry once, in order, however it is cut.</summary>
[Collection(ApiTests.Name)]
public sealed class LedgerExportTests(PointsDatabase server, ApiFixture api)
{
    private const string Export = "/api/admin/ledger/export";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Feed_ReadInPiecesWhileMembersWrite_HasEveryEntryOnceInOrder(int seed)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var members = Enumerable.Range(0, 4).Select(_ => PointsClient.NewMember()).ToArray();
        var writing = Task.WhenAll(members.Select(async (member, number) =>
        {
            var client = new LedgerClient(database, (10 * seed) + number);
            await client.GrantManyAsync(member, 25, 2);
            await client.UseAsync(member, "A1", 50);
            for (var i = 0; i < 15; i++)
            {
                await client.StepAsync(member, members[(number + 1) % members.Length]);
            }
        }));

        var random = new Random(seed);
        var (lines, after) = (new List<LedgerExportLine>(), EventCursor.Start);
        async Task<int> ReadAsync()
        {
            var count = random.Next(1, 9);
            var page = await LedgerFeed.ReadAsync(database, after, count, Token);
            Assert.InRange(page!.Lines.Count, 0, count);
            lines.AddRange(page.Lines);
            Assert.True(page.Lines.Count == 0 || LedgerCursor.TryParse(page.Lines[^1].Cursor, out after));
            Assert.Equal(page.Next, after);
            return page.Lines.Count;
        }

        while (!writing.IsCompleted)
        {
            await ReadAsync();
        }

        await writing;
        var ledgers = await Task.WhenAll(members.Select(member => new LedgerClient(database, 1).LedgerAsync(member)));
        var total = ledgers.Sum(entries => entries.Count);

        // Other tests on the server may hold the horizon for a moment.
        await Eventually.HoldsAsync(
            async () =>
            {
                while (await ReadAsync() > 0)
                {
                }

                return lines.Count >= total;
            },
            "all entries can be read");
        Assert.Equal(total, lines.Count);
        foreach (var (member, entries) in members.Zip(ledgers))
        {
            Assert.Equal(
                entries.Select(entry => (
                    entry.Sequence, entry.Kind, entry.PointKey, entry.LotKey, entry.Delta, entry.BalanceAfter, entry.OccurredAt, entry.ExpirationDate)),
                lines.Where(line => line.MemberId == member).Select(line => (
                    line.Sequence, line.Kind, line.PointKey, line.AccumulationKey, line.Amount, line.BalanceAfter, line.OccurredAt, line.ExpirationDate)));
        }

        Assert.All(lines, line => Assert.Equal(line.Kind is "USE" or "USE_CANCEL" or "REGRANT", line.OrderNumber is not null));
    }

    /// <summary>A transaction that is older than what was committed since: its entry must not appear behind a reader.</summary>
    [Fact]
    public async Task Feed_OpenTransaction_HoldsBackWhatCouldAppearBeforeIt()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var client = new LedgerClient(database, 1);
        await using var held = await HeldTransaction.BeginAsync(database.ConnectionString, "SELECT pg_current_xact_id()");
        await client.AccumulateAsync(PointsClient.NewMember(), 5);
        Assert.Empty((await LedgerFeed.ReadAsync(database, EventCursor.Start, 10, Token))!.Lines);

        await held.RollbackAsync();

        await Eventually.HoldsAsync(
            async () => (await LedgerFeed.ReadAsync(database, EventCursor.Start, 10, Token))!.Lines.Count == 1, "the entry can be read");
    }

    [Fact]
    public async Task Export_ResumedFromItsLines_IsTheWholeLedger()
    {
        await using var database = NpgsqlDataSource.Create(PersistenceExtensions.Tune(PointsDatabase.AsReplica(api.ConnectionString)));
        using var client = api.Client(Tokens.Admin);
        var member = PointsClient.NewMember();
        var writer = new LedgerClient(database, 1);
        await writer.GrantManyAsync(member, 2_100, 1);
        await writer.UseAsync(member, "=A1", 1_050);
        async Task<List<JsonNode>> ReadAsync(string query)
        {
            var answer = (await client.GetAsync($"{Export}?{query}")).Expect(HttpStatusCode.OK);
            Assert.Equal("application/x-ndjson", answer.ContentType);
            Assert.True(answer.Text.Length == 0 || answer.Text.EndsWith('\n'));
            return [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        }

        // Several of the server's pages. Other tests on the server may hold the horizon for a moment.
        List<JsonNode> lines = [];
        await Eventually.HoldsAsync(
            async () => (lines = await ReadAsync("limit=1000000")).Count(line => line["memberId"]!.GetValue<long>() == member) == 3_150, "the whole ledger");

        // The cursor of any line goes on with the next one, also within the usage.
        var first = lines.FindIndex(line => line["memberId"]!.GetValue<long>() == member);
        foreach (var (place, limit) in new[] { (first, 1), (first + 2_098, 7), (first + 2_500, 20), (first + 1_000, 1_500) })
        {
            Assert.Equal(
                lines.Skip(place + 1).Take(limit).Select(line => line.ToJsonString()),
                (await ReadAsync($"limit={limit}&after={lines[place]["cursor"]}")).Select(line => line.ToJsonString()));
        }

        Assert.Equal(
            Enumerable.Range(1, 3_150).Select(number => (long)number),
            lines.Where(line => line["memberId"]!.GetValue<long>() == member).Select(line => line["sequence"]!.GetValue<long>()));
        Assert.Equal("=A1", lines.Last(line => line["memberId"]!.GetValue<long>() == member)["orderNumber"]!.GetValue<string>());
    }

    [Fact]
    public async Task Export_CursorOfSomethingElse_IsRefused()
    {
        using var client = api.Client(Tokens.Admin);
        var ofEvents = (await client.GetAsync("/api/events?limit=1")).Expect(HttpStatusCode.OK).TextOf("next");
        foreach (var cursor in new[] { ofEvents, LedgerCursor.Write(new EventCursor(long.MaxValue, 1, 1)) })
        {
            var refused = (await client.GetAsync($"{Export}?after={cursor}")).IsProblem(HttpStatusCode.BadRequest, "INVALID_REQUEST");
            Assert.Equal(["after"], refused.Json["errors"]!.AsObject().Select(error => error.Key));
        }

        // Cursors are not signed, so anybody can make one.
        foreach (var forged in new[] { new EventCursor(0, long.MaxValue, long.MaxValue), new EventCursor(-1, -1, -1), new EventCursor(0, 7, long.MinValue) })
        {
            (await client.GetAsync($"{Export}?limit=1&after={LedgerCursor.Write(forged)}")).Expect(HttpStatusCode.OK);
        }
    }
}
