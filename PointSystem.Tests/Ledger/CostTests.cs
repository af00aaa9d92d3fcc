using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>The cost of a write: its round trips, and the rows that it reads and updates.</summary>
public sealed class CostTests(PointsDatabase server)
{
    private static readonly RowLockTimes FiveSeconds = new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5));

    [Theory]
    [InlineData(1, 2)]
    [InlineData(1_000, 3)]
    public async Task Use_FromManyLots_TakesFewRoundTrips(int lots, int roundTripsMax)
    {
        var database = await server.GetAsync(Token);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var proxy = new RoundTripProxy(settings.Port);
        settings.Port = proxy.Port;
        settings.SslMode = SslMode.Disable;
        await using var counted = NpgsqlDataSource.Create(settings);
        var client = new LedgerClient(counted, 1);
        var member = PointsClient.NewMember();
        await client.GrantManyAsync(member, (4 * lots) + 5, 10);
        for (var i = 0; i < 5; i++)
        {
            await client.UseAsync(member, "A1", 10);
        }

        for (var i = 0; i < 3; i++)
        {
            var before = proxy.RoundTrips;
            await client.UseAsync(member, "A1", 10 * lots);
            Assert.InRange(proxy.RoundTrips - before, 1, roundTripsMax);
        }

        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(250, 25)]
    public async Task Load_OfTenThousandLots_ReadsOnlyThoseDrawnFrom(long amount, int lots)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.GrantManyAsync(member, 10_000, 10);

        // Counted within the transaction, so other sessions do not add to it.
        await using var connection = await OpenOwnAsync(database);
        var plan = LoadPlan.For([new UsePoints.Command(member, "A1", amount, "test", null)]);
        var before = await LotsReadAsync(connection);
        await LedgerLoader.LoadAsync(connection, plan, client.Rules, client.Clock.GetUtcNow(), FiveSeconds, Token);
        // The SQL function reads ahead, first ten rows, then fifty.
        Assert.InRange(await LotsReadAsync(connection) - before, lots, lots + 50);
    }

    /// <summary>Amounts that are refused, next to accepted commands of the same member.</summary>
    [Theory]
    [InlineData("a grant")]
    [InlineData("a use")]
    [InlineData("a transfer to the member")]
    [InlineData("a cancelled usage")]
    [InlineData("a cancelled accumulation")]
    [InlineData("itself")]
    public async Task Load_AmountExceedsAnyBalance_ReadsNoLotForIt(string first)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (member, giver) = (PointsClient.NewMember(), PointsClient.NewMember());
        await client.GrantManyAsync(member, 1_000, 10);
        await client.AccumulateAsync(giver, 100);
        var usage = await client.UseAsync(member, "A1", 20);
        var lot = LedgerClient.KeyOf(await client.AccumulateAsync(member, 10, days: 31));
        IPointCommand[] commands =
        [
            first switch
            {
                "a grant" => new AccumulatePoints.Command(member, 10, 30, false, null, "test", null),
                "a use" => new UsePoints.Command(member, "A2", 10, "test", null),
                "a transfer to the member" => new TransferPoints.Command(giver, member, 10, null, "test", null),
                "a cancelled usage" => new CancelUsage.Command(usage, null, "why", "test", null),
                "a cancelled accumulation" => new CancelAccumulation.Command(lot, "why", "test", null),
                _ => new UsePoints.Command(member, "A2", 10_500, "test", null),
            },
            new UsePoints.Command(member, "A3", 900_000_000_000_000, "test", null),
            new TransferPoints.Command(member, giver, long.MaxValue, null, "test", null),
            new UsePoints.Command(member, "A3", 10_100, "test", null),
        ];

        await using var connection = await OpenOwnAsync(database);
        var before = await LotsReadAsync(connection);
        await LedgerLoader.LoadAsync(
            connection, LoadPlan.For(commands), client.Rules, client.Clock.GetUtcNow(), FiveSeconds, Token);
        Assert.InRange(await LotsReadAsync(connection) - before, 0, 100);
        await using (var end = new NpgsqlCommand("ROLLBACK", connection))
        {
            await end.ExecuteNonQueryAsync(Token);
        }

        var outcomes = await client.ExecuteAsync(commands);
        Assert.Equal(first == "itself" ? "INSUFFICIENT_POINT" : null, outcomes[0].Error?.Code);
        Assert.All(outcomes.Skip(1), outcome => Assert.Equal("INSUFFICIENT_POINT", outcome.Error?.Code));
        await Books.AssertBalancedAsync(database.ConnectionString, member, giver);
    }

    /// <summary>The load covers a use of all points that earlier commands of the batch add.</summary>
    [Theory]
    [InlineData("a grant")]
    [InlineData("a transfer to the member")]
    [InlineData("a cancelled usage")]
    public async Task Use_OfAllPointsAfterAnEarlierCommand_IsAccepted(string before)
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var (member, giver) = (PointsClient.NewMember(), PointsClient.NewMember());
        await client.GrantManyAsync(member, 40, 10);
        await client.AccumulateAsync(giver, 100);
        var usage = await client.UseAsync(member, "A1", 15);
        var balance = 385 + (before == "a cancelled usage" ? 15 : 10);

        var outcomes = await client.ExecuteAsync(
            before switch
            {
                "a grant" => new AccumulatePoints.Command(member, 10, 1, false, null, "test", null),
                "a transfer to the member" => new TransferPoints.Command(giver, member, 10, null, "test", null),
                _ => new CancelUsage.Command(usage, null, "why", "test", null),
            },
            new UsePoints.Command(member, "A2", balance + 1, "test", null),
            new UsePoints.Command(member, "A2", balance - 1, "test", null),
            new UsePoints.Command(member, "A3", 1, "test", null));

        Assert.Equal([null, "INSUFFICIENT_POINT", null, null], outcomes.Select(outcome => outcome.Error?.Code));
        Assert.Equal(0, await Books.BalanceAsync(database.ConnectionString, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member, giver);
    }

    [Fact]
    public async Task Use_OfManyLots_UpdatesOnlyThoseDrawnFrom()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.GrantManyAsync(member, 50, 10);
        client.Clock.Advance(TimeSpan.FromHours(1));
        var usedAt = client.Clock.GetUtcNow();

        await client.UseAsync(member, "A1", 25);

        Assert.Equal(3, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM point_accumulations WHERE member_id = $1 AND updated_at = $2", member, usedAt.UtcDateTime));
    }

    private static async Task<NpgsqlConnection> OpenOwnAsync(NpgsqlDataSource database)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(Token);
        return connection;
    }

    private static async Task<long> LotsReadAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
            WHERE relname = 'point_accumulations'
            """,
            connection);
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }
}
