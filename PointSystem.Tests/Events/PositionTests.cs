using Npgsql;
using PointSystem.Api.Features.Events;
using PointSystem.Domain.Points;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Events;

/// <summary>
/// The order of events, and the trap in it: a transaction that locks several wallets has its id from the first of them, so that a member's next
/// entry can bear a lower transaction id than the one before.
/// </summary>
public sealed class PositionTests(PointsDatabase server)
{
    // What a reader would do that knows only the transaction that wrote an entry (its xmin).
    private const string ByTransaction =
        "SELECT member_id || '-' || sequence FROM point_ledger_entries WHERE xmin::text::bigint < $1 ORDER BY xmin::text::bigint, member_id, sequence LIMIT $2";

    [Fact]
    public async Task Trap_SecondWriterHasTheLowerId_IsInOrderByPositionOnly()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var database = NpgsqlDataSource.Create(connectionString);
        await InterleaveAsync(connectionString, () => Task.CompletedTask);

        // A LIMIT in the order of transaction ids hands out the second entry of member 2 before the first.
        Assert.Equal(["1-1", "2-2"], await Books.TextsAsync(connectionString, ByTransaction, long.MaxValue, 2));

        await HasAllInOrderAsync(database, limit: 1);
        await HasAllInOrderAsync(database, limit: 1000);
    }

    /// <summary>
    /// Reading whole windows that end at an observed horizon does not help: a third transaction can hold the horizon between the two ids, while
    /// the writer of the first entry, which is beyond the horizon, has committed already.
    /// </summary>
    [Fact]
    public async Task Trap_HorizonBetweenTheIds_HoldsBackTheSecondEntryToo()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var database = NpgsqlDataSource.Create(connectionString);
        HeldTransaction? third = null;
        var horizon = 0L;
        await InterleaveAsync(
            connectionString,
            async () =>
            {
                third = await HeldTransaction.BeginAsync(connectionString, "SELECT pg_current_xact_id()");
                // Without transactions of other tests on the server, the horizon is the oldest one's id as soon as both writers have committed.
                horizon = await Books.CountAsync(
                    connectionString, "SELECT backend_xid::text::bigint FROM pg_stat_activity WHERE pid = $1", third.ProcessId);
            });

        // Both writers have committed; the window of transactions below the horizon has the second entry of member 2 without the first.
        Assert.Equal(["1-1", "2-2"], await Books.TextsAsync(connectionString, ByTransaction, horizon, 1000));

        Assert.Empty(await ReadAllAsync(database, limit: 1000));
        await third!.CommitAsync();
        await third.DisposeAsync();
        await HasAllInOrderAsync(database, limit: 1000);
    }

    [Fact]
    public async Task Page_CursorBeyondTheHorizon_IsRefused()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);

        Assert.Null(await EventFeed.ReadAsync(database, new EventCursor(long.MaxValue, 1, 1), 10, Token));
        Assert.NotNull(await EventFeed.ReadAsync(database, EventCursor.Start, 10, Token));
    }

    /// <summary>
    /// Several writers, whose transactions lock several members each, and others that hold the horizon: a reader with pages of any size gets every
    /// event of the ledger once, and those of a member in order.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Pages_WhileManyWrite_AreTheLedgerInOrder(int seed)
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        long[] members = [.. Enumerable.Range(1, 5)];
        var client = new LedgerClient(database, seed);
        foreach (var member in members)
        {
            await client.AccumulateAsync(member, 10_000);
        }

        using var done = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var writers = Enumerable.Range(0, 4).Select(number => WriteAsync(client, members, new Random((seed * 100) + number))).ToList();
        var holder = HoldAsync(database, new Random(seed), done.Token);
        var reader = ReadWhileAsync(database, new Random(seed), done.Token);
        await Task.WhenAll(writers);
        await done.CancelAsync();
        await holder;
        var read = await reader;

        var expected = await ReadAllAsync(database, limit: EventSql.PageMax);
        Assert.Equal(await Books.CountAsync(Settings(database), EventsOfTheLedger), expected.Count);
        Assert.Equal(expected, read);
        Assert.Equal(expected, await ReadAllAsync(database, limit: 1 + new Random(seed).Next(7)));
        Assert.Equal(read.Count, read.Distinct().Count());
        Assert.All(read.GroupBy(id => id.Split('-')[0], id => long.Parse(id.Split('-')[1], System.Globalization.CultureInfo.InvariantCulture)), member =>
            Assert.Equal(member.Order(), member));
    }

    // A cancellation with two groups is one event.
    private const string EventsOfTheLedger =
        """
        SELECT count(*) FROM point_ledger_entries AS e WHERE sequence = group_sequence AND NOT EXISTS (
            SELECT FROM point_ledger_entries AS p WHERE p.member_id = e.member_id AND p.sequence = e.sequence - 1 AND p.point_key = e.point_key
                AND e.kind = 'REGRANT')
        """;

    /// <summary>
    /// The first writer locks member 1, and so gets its id. The second writes the first entry of member 2, for which the first one waits before it
    /// writes the first entry of member 1 and the second of member 2.
    /// </summary>
    private static async Task InterleaveAsync(string connectionString, Func<Task> between)
    {
        await Books.TextsAsync(connectionString, "INSERT INTO member_wallets (member_id) VALUES (1), (2) RETURNING ''");
        await using var first = await HeldTransaction.LockWalletsAsync(connectionString, 1);
        await between();
        await using var second = await HeldTransaction.LockWalletsAsync(connectionString, 2);
        var waiting = first.ExecuteAsync("SELECT 1 FROM member_wallets WHERE member_id = 2 FOR UPDATE");
        await second.WaitForWaitersAsync();
        await AddAsync(second, 2, 1);
        await second.CommitAsync();
        await waiting;
        await AddAsync(first, 1, 1);
        await AddAsync(first, 2, 2);
        await first.CommitAsync();
    }

    private static async Task AddAsync(HeldTransaction transaction, long member, long sequence)
    {
        var key = LedgerClient.NewKey(PointKeyType.Accumulation, member).Value;
        await transaction.ExecuteAsync(
            "INSERT INTO point_accumulations (member_id, lot_id, point_key, amount, available_amount, used_amount, cancelled_amount, expired_amount,"
                + " expiration_date, is_manual_grant, created_at, updated_at) VALUES ($1, $2, $3, 1, 1, 0, 0, 0, '2030-01-01', false, now(), now())",
            member, sequence, key);
        await transaction.ExecuteAsync(
            "INSERT INTO point_ledger_entries (member_id, sequence, group_sequence, kind, point_key, lot_id, delta, balance_after, occurred_at, actor)"
                + " VALUES ($1, $2, $2, 'ACCUMULATE', $3, $2, 1, $2, now(), 'test')",
            member, sequence, key);
    }

    private static async Task WriteAsync(LedgerClient client, long[] members, Random random)
    {
        await Task.Yield();
        for (var i = 0; i < 60; i++)
        {
            var some = members.OrderBy(_ => random.Next()).Take(1 + random.Next(4)).ToList();
            await client.ExecuteAsync([.. some.Select(member => random.Next(3) == 0
                ? new PointSystem.Api.Features.Points.AccumulatePoints.Command(member, 5, 30, false, null, "test", null)
                : (PointSystem.Api.Ledger.IPointCommand)new PointSystem.Api.Features.Points.UsePoints.Command(member, "O", 1 + random.Next(5), "test", null))]);
        }
    }

    /// <summary>Holds the horizon again and again, by transactions that have an id and write nothing.</summary>
    private static async Task HoldAsync(NpgsqlDataSource database, Random random, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            await using var connection = await database.OpenConnectionAsync(Token);
            await using var transaction = await connection.BeginTransactionAsync(Token);
            await new NpgsqlCommand("SELECT pg_current_xact_id()", connection).ExecuteNonQueryAsync(Token);
            await new NpgsqlCommand($"SELECT pg_sleep(0.0{random.Next(1, 9)})", connection).ExecuteNonQueryAsync(Token);
        }
    }

    private static async Task<List<string>> ReadWhileAsync(NpgsqlDataSource database, Random random, CancellationToken done)
    {
        var (ids, cursor) = (new List<string>(), EventCursor.Start);
        while (true)
        {
            var isLast = done.IsCancellationRequested;
            var page = (await EventFeed.ReadAsync(database, cursor, 1 + random.Next(20), Token))!;
            ids.AddRange(page.Events.Select(one => one.Event.Id));
            cursor = page.Next;
            if (isLast && !page.HasMore && await IsAllAsync(database, cursor))
            {
                return ids;
            }
        }
    }

    // Other tests on the server may hold the horizon for a moment.
    private static async Task<bool> IsAllAsync(NpgsqlDataSource database, EventCursor cursor) => await Books.CountAsync(
        Settings(database), "SELECT count(*) FROM point_ledger_entries WHERE (position, member_id, group_sequence) > ($1, $2, $3)",
        cursor.Position, cursor.MemberId, cursor.Sequence) == 0;

    /// <summary>The entries of <see cref="InterleaveAsync"/>, once no transaction of another test on the server holds them back.</summary>
    private static async Task HasAllInOrderAsync(NpgsqlDataSource database, int limit)
    {
        string[] ofTwo = ["2-1", "2-2"];
        var read = new List<string>();
        await Eventually.HoldsAsync(
            async () =>
            {
                // Where the entry of member 1 comes depends on transactions of other tests: there is no order between members.
                read = await ReadAllAsync(database, limit);
                var two = read.Where(id => id != "1-1").ToList();
                Assert.Equal(ofTwo.Take(two.Count), two);
                return read.Count == ofTwo.Length + 1 && two.Count == ofTwo.Length;
            },
            () => $"Only {string.Join(", ", read)} of 1-1, {string.Join(", ", ofTwo)}");
    }

    private static string Settings(NpgsqlDataSource database) => database.ConnectionString;

    private static async Task<List<string>> ReadAllAsync(NpgsqlDataSource database, int limit)
    {
        var (ids, cursor) = (new List<string>(), EventCursor.Start);
        while (true)
        {
            var page = (await EventFeed.ReadAsync(database, cursor, limit, Token))!;
            ids.AddRange(page.Events.Select(one => one.Event.Id));
            cursor = page.Next;
            if (!page.HasMore)
            {
                return ids;
            }
        }
    }
}
