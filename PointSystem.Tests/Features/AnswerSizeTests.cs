using System.Text.Json;
using Npgsql;
using PointSystem.Api.Features;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;

namespace PointSystem.Tests.Features;

/// <summary>A command over many lots: its answer has the first of them, and the pages that follow have each of the others once.</summary>
public sealed class AnswerSizeTests(PointsDatabase server)
{
    private const int Lots = 250;

    [Theory]
    [InlineData(100)]
    [InlineData(7)]
    public async Task Usage_OverManyLots_IsPagedInTheOrderOfDrawing(int size)
    {
        var (database, client, member) = await StartAsync();
        var usage = Read(await client.RunAsync(new UsePoints.Command(member, "A1", 3 * Lots, "test", null)), PointJsonContext.Wire.UsageResponse);

        var key = LedgerClient.Key(usage.PointKey);
        Assert.Equal((100, Lots), (usage.UsageDetails.Count, usage.UsageDetailsTotal));
        var read = await UsageTraceQuery.ReadAsync(database, key, 0, 20, Token);
        Assert.Equal((100, Lots), (read!.Usage.Details.Count, read.Details));
        Assert.Equal(
            JsonSerializer.Serialize(usage with { BalanceAfter = null, Version = null }),
            JsonSerializer.Serialize(UsageResponse.From(read.Usage, read.Details)));

        var rest = await AllAsync(usage.UsageDetailsNextCursor, InnerLists.DetailsOf(key), async after =>
            (await UsageTraceQuery.ReadDetailsAsync(database, key, after, size, Token))!);
        Assert.Equal(
            (await client.LedgerAsync(member)).Where(line => line.Kind == "USE").Select(line => (line.LotKey, -line.Delta)),
            usage.UsageDetails.Concat(rest).Select(detail => (detail.AccumulationKey, detail.Amount)));
    }

    [Fact]
    public async Task Cancellation_OverManyLots_IsPagedRestoredFirst()
    {
        var (database, client, member) = await StartAsync();
        var usage = await client.UseAsync(member, "A1", 3 * Lots);
        // Half of the lots expire meanwhile.
        client.Clock.Advance(TimeSpan.FromDays(15));
        var back = Read(await client.CancelAsync(usage, null), PointJsonContext.Wire.CancellationResponse);

        var key = LedgerClient.Key(back.PointKey);
        Assert.Equal((100, 0, Lots), (back.Restored.Count, back.Regranted.Count, back.DetailsTotal));
        Assert.Equal((100, Lots), (back.Usage!.UsageDetails.Count, back.Usage.UsageDetailsTotal));
        var first = (await CancellationQuery.ReadAsync(database, key, 0, 100, Token))!;
        Assert.Equal(JsonSerializer.Serialize(back with { Usage = null, BalanceAfter = null, Version = null }), JsonSerializer.Serialize(first));

        var parts = back.Restored.Select(part => (part.AccumulationKey, part.Amount)).ToList();
        parts.AddRange(await AllAsync(back.DetailsNextCursor, InnerLists.PartsOf(key), async after =>
        {
            var page = (await CancellationQuery.ReadAsync(database, key, after, 60, Token))!;
            var items = page.Restored.Select(part => (part.AccumulationKey, part.Amount))
                .Concat(page.Regranted.Select(part => (part.AccumulationKey, part.Amount)));
            return new Page<(string AccumulationKey, long Amount)>([.. items], page.DetailsNextCursor);
        }));
        Assert.Equal((await client.LedgerAsync(member)).Where(line => line.PointKey == back.PointKey).Select(line => (line.LotKey, line.Delta)), parts);

        var nested = Assert.Single((await UsageTraceQuery.ReadAsync(database, usage, 0, 20, Token))!.Cancellations.Items);
        Assert.Equal((20, Lots), (nested.Restored.Count + nested.Regranted.Count, nested.DetailsTotal));
        Span<long> position = stackalloc long[1];
        Assert.True(Cursor.TryRead(InnerLists.PartsOf(key), nested.DetailsNextCursor!, position));
        Assert.Equal(20, position[0]);
    }

    [Fact]
    public async Task Transfer_OverManyLots_IsPagedWithBothSidesOfEachPart()
    {
        var (database, client, member) = await StartAsync();
        var other = PointsClient.NewMember();
        await client.AccumulateAsync(other, 5);
        var transfer = Read(await client.TransferAsync(member, other, 3 * Lots), PointJsonContext.Wire.TransferResponse);
        await client.AccumulateAsync(member, 5);

        var key = LedgerClient.Key(transfer.PointKey);
        Assert.Equal((100, Lots), (transfer.Details.Count, transfer.DetailsTotal));
        Assert.Equal(
            JsonSerializer.Serialize(transfer with { FromBalanceAfter = null, FromVersion = null, ToBalanceAfter = null, ToVersion = null }),
            JsonSerializer.Serialize(await TransferQuery.ReadAsync(database, key, 0, 100, Token)));
        var rest = await AllAsync(transfer.DetailsNextCursor, InnerLists.PartsOf(key), async after =>
        {
            var page = (await TransferQuery.ReadAsync(database, key, after, 60, Token))!;
            return new Page<TransferDetailResponse>(page.Details, page.DetailsNextCursor);
        });
        var (given, received) = (await client.LedgerAsync(member), await client.LedgerAsync(other));
        Assert.Equal(
            given.Where(line => line.Kind == "TRANSFER_OUT").Zip(received.Where(line => line.Kind == "TRANSFER_IN"))
                .Select(sides => (sides.First.LotKey, sides.Second.LotKey, sides.Second.Delta, sides.Second.ExpirationDate)),
            transfer.Details.Concat(rest).Select(part => (part.SourceAccumulationKey, part.AccumulationKey, part.Amount, part.ExpirationDate)));
    }

    [Fact]
    public async Task History_ItemWithManyEntries_HasTheFirstHundredAndACursorToTheRest()
    {
        var (database, client, member) = await StartAsync();
        await client.UseAsync(member, "A1", 3 * Lots);

        var item = Assert.Single((await HistoryQuery.ReadAsync(database, new HistoryFilter(member, null, "USE"), long.MaxValue, 20, Token)).Items);
        Assert.Equal((-3 * Lots, 0, 100, Lots), (item.Amount, item.BalanceAfter, item.Entries.Count, item.EntriesTotal));
        var entries = item.Entries.ToList();
        for (var cursor = item.EntriesNextCursor; cursor is not null;)
        {
            Assert.False(HistoryQuery.TryReadEntriesCursor(member + 1, cursor, out _, out _));
            Assert.True(HistoryQuery.TryReadEntriesCursor(member, cursor, out var first, out var last));
            var page = await HistoryQuery.ReadEntriesAsync(database, member, first, last, 60, Token);
            entries.AddRange(page.Items);
            cursor = page.NextCursor;
        }

        Assert.Equal(
            (await client.LedgerAsync(member)).Where(line => line.Kind == "USE")
                .Select(line => new HistoryEntry(line.Sequence, line.LotKey, line.Delta)),
            entries);
    }

    // With texts of maximum length: the order number, and a reason whose characters JSON has to escape.
    [Fact]
    public async Task StoredAnswers_OfCommandsOverTenThousandLots_AreSmallAndReplayedUnchanged()
    {
        const int Many = 10_000;
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        await client.GrantManyAsync(member, Many, 2);

        var reason = new string('"', 500);
        Idempotency Key(string operation) => Idempotency.For(new($"{operation}-{member}", "test"), operation)!;
        var use = new UsePoints.Command(member, new string('\u20a9', 100), 2 * Many, "test", Key("use"));
        var used = await client.RunAsync(use);
        var cancel = new CancelUsage.Command(LedgerClient.KeyOf(used), Many + 1, reason, "test", Key("cancel"));
        var cancelled = await client.RunAsync(cancel);
        var transfer = new TransferPoints.Command(member, other, Many, reason, "test", Key("transfer"));
        var transferred = await client.RunAsync(transfer);

        foreach (var (command, first) in new (IPointCommand, CommandOutcome)[] { (use, used), (cancel, cancelled), (transfer, transferred) })
        {
            Assert.Null(first.Error);
            var again = await client.RunAsync(command);
            Assert.True(again.IsReplay);
            Assert.Equal(first.Answer.ToArray(), again.Answer.ToArray());
            Assert.InRange(first.Answer.Length, 1, 64 * 1024);
        }

        Assert.Equal(3, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM idempotency_answers WHERE member_id = $1 AND octet_length(answer) <= 65536", member));
    }

    /// <summary>A member with lots of 3 points, half of which expire after 10 days.</summary>
    private async Task<(NpgsqlDataSource Database, LedgerClient Client, long Member)> StartAsync()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.ExecuteAsync(
            [.. Enumerable.Range(0, Lots).Select(i => new AccumulatePoints.Command(member, 3, i % 2 == 0 ? 10 : 30, false, null, "test", null))]);
        return (database, client, member);
    }

    private static T Read<T>(CommandOutcome outcome, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        Assert.Null(outcome.Error);
        return JsonSerializer.Deserialize(outcome.Answer.Span, type)!;
    }

    private static async Task<List<T>> AllAsync<T>(string? cursor, string list, Func<long, Task<Page<T>>> read)
    {
        var items = new List<T>();
        while (cursor is not null)
        {
            var position = new long[1];
            Assert.True(Cursor.TryRead(list, cursor, position));
            var page = await read(position[0]);
            Assert.NotEmpty(page.Items);
            items.AddRange(page.Items);
            cursor = page.NextCursor;
        }

        return items;
    }
}
