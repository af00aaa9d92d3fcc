using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Locking;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>Whoever is paused between loading and writing loses its transaction, not the others their turn.</summary>
public sealed class IdleTransactionTests(PointsDatabase server)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Load_NothingFollows_TheWalletIsFreeAgainAndTheLateWriteIsRefused()
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await shop.AccumulateAsync(member, 100);
        await using var paused = await database.OpenConnectionAsync(Token);
        var use = new UsePoints.Command(member, "A1", 60, "test", null);
        var rows = await LedgerLoader.LoadAsync(
            paused, LoadPlan.For([use]), shop.Rules, shop.Clock.GetUtcNow(), new RowTimes(TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(300)), Token);

        var accounts = rows.Build(shop.Now);

        // Waits for the row until the server has ended the paused transaction.
        await shop.UseAsync(member, "A2", 60);

        use.Apply(accounts, new CommandContext(new PointPolicy(), shop.Now, "test", NewKey));
        var late = await Assert.ThrowsAnyAsync<NpgsqlException>(() => LedgerWriter.WriteAsync(paused, accounts.Values, [], shop.Clock.GetUtcNow(), Token));
        Assert.True(DatabaseErrors.IsAway(late), late.ToString());
        Assert.Equal(40, await Books.CountAsync(database.ConnectionString, "SELECT balance FROM member_wallets WHERE member_id = $1", member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Load_Timeouts_EndWithTheTransaction()
    {
        var database = await server.GetAsync(Token);
        var shop = new Shop(database, 1);
        var member = PointsClient.NewMember();
        await shop.AccumulateAsync(member, 100);
        await using var connection = await database.OpenConnectionAsync(Token);
        var use = new UsePoints.Command(member, "A1", 60, "test", null);
        var rows = await LedgerLoader.LoadAsync(
            connection, LoadPlan.For([use]), shop.Rules, shop.Clock.GetUtcNow(), new RowTimes(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(3)), Token);
        Assert.Equal(("4s", "3s"), await ReadAsync(connection));
        await LedgerWriter.WriteAsync(connection, rows.Build(shop.Now).Values, [], shop.Clock.GetUtcNow(), Token);
        Assert.Equal(("0", "0"), await ReadAsync(connection));
    }

    [Theory]
    [InlineData("25P03", BatchFault.RolledBack, true)]
    [InlineData("53000", BatchFault.Away, true)]
    [InlineData("53100", BatchFault.Away, true)]
    [InlineData("53200", BatchFault.RolledBack, true)]
    [InlineData("53400", BatchFault.RolledBack, true)]
    [InlineData("57014", BatchFault.RolledBack, true)]
    [InlineData("53300", BatchFault.Away, true)]
    [InlineData("57P01", BatchFault.Away, true)]
    [InlineData("57P02", BatchFault.Away, true)]
    [InlineData("57P03", BatchFault.Away, true)]
    [InlineData("57P05", BatchFault.Away, true)]
    [InlineData("58030", BatchFault.Away, true)]
    [InlineData("08006", BatchFault.Away, true)]
    [InlineData("55P03", BatchFault.Busy, false)]
    [InlineData("23505", BatchFault.RolledBack, false)]
    public void Fault_BySqlState_IsJudged(string state, BatchFault fault, bool isAway)
    {
        var failure = new PostgresException("said the server", "FATAL", "FATAL", state);
        Assert.Equal(fault, DatabaseErrors.FaultOf(failure));
        Assert.Equal(isAway, DatabaseErrors.IsAway(failure));
    }

    private static async Task<(string LockTimeout, string IdleTimeout)> ReadAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')", connection);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetString(0), reader.GetString(1));
    }

    private static PointKey NewKey(PointKeyType type, long member)
    {
        var entropy = new byte[PointKey.EntropyBytes];
        Random.Shared.NextBytes(entropy);
        return PointKey.Create(type, member, entropy);
    }
}
