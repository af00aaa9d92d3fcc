using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>The row lock decides; should it ever be missing, the ledger's key refuses.</summary>
public sealed class RowLockTests(PointsDatabase server)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_WalletHeldByAnother_EndsWithLockNotAvailable()
    {
        var (database, shop, member) = await StartAsync();
        await using var holder = await database.OpenConnectionAsync(Token);
        await using var held = await holder.BeginTransactionAsync(Token);
        await using var hold = new NpgsqlCommand("SELECT 1 FROM member_wallets WHERE member_id = $1 FOR UPDATE", holder);
        hold.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member });
        await hold.ExecuteScalarAsync(Token);

        var refused = await Assert.ThrowsAsync<PostgresException>(() =>
            shop.Ledger.ExecuteAsync([Use(member)], TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(5), Token));
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, refused.SqlState);

        await held.RollbackAsync(Token);
        await shop.UseAsync(member, "A1", 60);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Write_OnWhatWasLoadedWithoutTheLock_IsRefusedByTheLedger()
    {
        var (database, shop, member) = await StartAsync();
        await using var connection = await database.OpenConnectionAsync(Token);
        var rows = await LedgerLoader.LoadAsync(
            connection, LoadPlan.For([Use(member)]), shop.Rules, shop.Clock.GetUtcNow(), new RowTimes(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5)), Token);
        var accounts = rows.Build(shop.Now);

        // The lock is let go, as by a build that never took it, and another spends the same points.
        await ExecuteAsync(connection, "ROLLBACK");
        await shop.UseAsync(member, "A1", 60);
        await ExecuteAsync(connection, "BEGIN");
        var outcome = Use(member).Apply(accounts, new CommandContext(new PointPolicy(), shop.Now, "test", NewKey));
        Assert.Null(outcome.Error);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => LedgerWriter.WriteAsync(connection, accounts.Values, [], shop.Clock.GetUtcNow(), Token));

        Assert.Equal(PostgresErrorCodes.UniqueViolation, refused.SqlState);
        await ExecuteAsync(connection, "ROLLBACK");
        await Books.AssertBalancedAsync(database.ConnectionString, member);
        Assert.Equal(40, await Books.CountAsync(database.ConnectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member));
    }

    private static UsePoints.Command Use(long member) => new(member, "A1", 60, "test", null);

    private static PointKey NewKey(PointKeyType type, long member)
    {
        var entropy = new byte[PointKey.EntropyBytes];
        Random.Shared.NextBytes(entropy);
        return PointKey.Create(type, member, entropy);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    private async Task<(NpgsqlDataSource Database, Shop Shop, long Member)> StartAsync()
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await shop.AccumulateAsync(member, 100);
        return (database, shop, member);
    }
}
