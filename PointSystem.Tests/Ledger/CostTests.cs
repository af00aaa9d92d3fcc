using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>What a write costs: round trips, and rows touched.</summary>
public sealed class CostTests(PointsDatabase server)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 2)]
    [InlineData(1_000, 3)]
    public async Task Use_DrawingFromSoManyLots_TakesAFewRoundTrips(int lots, int roundTripsMax)
    {
        var database = await server.GetAsync(Token);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var proxy = new RoundTripProxy(settings.Port);
        await using var counted = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = proxy.Port, SslMode = SslMode.Disable });
        var shop = new Shop(counted, 1);
        var member = PointsClient.NewMember();
        await GrantManyAsync(shop, member, (4 * lots) + 5, 10);
        for (var i = 0; i < 5; i++)
        {
            await shop.UseAsync(member, "A1", 10);
        }

        for (var i = 0; i < 3; i++)
        {
            var before = proxy.RoundTrips;
            await shop.UseAsync(member, "A1", 10 * lots);
            Assert.InRange(proxy.RoundTrips - before, 1, roundTripsMax);
        }

        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(250, 25)]
    public async Task Load_WithTenThousandLots_ReadsOnlyThoseItDrawsFrom(long amount, int lots)
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await GrantManyAsync(shop, member, 10_000, 10);

        // Counted within the transaction, so by nobody else's doing.
        await using var connection = await OpenOwnAsync(database);
        var plan = LoadPlan.For([new UsePoints.Command(member, "A1", amount, "test", null)]);
        var before = await TouchedAsync(connection);
        await LedgerLoader.LoadAsync(connection, plan, shop.Rules, shop.Clock.GetUtcNow(), new RowTimes(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5)), Token);
        // The function reads ahead, by ten rows and then by fifty.
        Assert.InRange(await TouchedAsync(connection) - before, lots, lots + 50);
    }

    [Fact]
    public async Task Use_WithManyLots_UpdatesOnlyThoseItDrawsFrom()
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await GrantManyAsync(shop, member, 50, 10);
        shop.Clock.Advance(TimeSpan.FromHours(1));
        var usedAt = shop.Clock.GetUtcNow();

        await shop.UseAsync(member, "A1", 25);

        Assert.Equal(3, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM point_accumulations WHERE member_id = $1 AND updated_at = $2", member, usedAt.UtcDateTime));
    }

    private static async Task GrantManyAsync(Shop shop, long member, int lots, long each)
    {
        foreach (var chunk in Enumerable.Range(0, lots).Chunk(2_500))
        {
            await shop.ExecuteAsync([.. chunk.Select(_ => new AccumulatePoints.Command(member, each, 30, false, null, "test", null))]);
        }
    }

    private static async Task<NpgsqlConnection> OpenOwnAsync(NpgsqlDataSource database)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(Token);
        return connection;
    }

    private static async Task<long> TouchedAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            "SELECT (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE relname = 'point_accumulations'", connection);
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }
}
