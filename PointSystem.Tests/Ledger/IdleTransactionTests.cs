using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Locking;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>A writer that is paused between loading and writing loses its transaction and does not block the others.</summary>
public sealed class IdleTransactionTests(PointsDatabase server)
{
    [Fact]
    public async Task Load_WriterIsPaused_FreesTheWalletAndRefusesTheLateWrite()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        await using var paused = await database.OpenConnectionAsync(Token);
        var use = new UsePoints.Command(member, "A1", 60, "test", null);
        var rows = await LedgerLoader.LoadAsync(
            paused, LoadPlan.For([use]), client.Rules, client.Clock.GetUtcNow(),
            new RowLockTimes(TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(300)), Token);

        var accounts = rows.Build(client.Now);

        // Waits for the row until the server has ended the paused transaction.
        await client.UseAsync(member, "A2", 60);

        use.Apply(accounts, new CommandContext(new PointPolicy(), client.Now, "test", LedgerClient.NewKey));
        var late = await Assert.ThrowsAnyAsync<NpgsqlException>(() => LedgerWriter.WriteAsync(paused, accounts.Values, [], client.Clock.GetUtcNow(), Token));
        Assert.True(DatabaseErrors.IsUnavailable(late), late.ToString());
        Assert.Equal(40, await Books.BalanceAsync(database.ConnectionString, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Load_SetsTimeouts_ForItsTransactionOnly()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        await using var connection = await database.OpenConnectionAsync(Token);
        var use = new UsePoints.Command(member, "A1", 60, "test", null);
        var rows = await LedgerLoader.LoadAsync(
            connection, LoadPlan.For([use]), client.Rules, client.Clock.GetUtcNow(), new RowLockTimes(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(3)), Token);
        Assert.Equal(("4s", "3s"), await ReadAsync(connection));
        await LedgerWriter.WriteAsync(connection, rows.Build(client.Now).Values, [], client.Clock.GetUtcNow(), Token);
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
    public void Fault_BySqlState_IsClassified(string state, BatchFault fault, bool isAway)
    {
        var failure = new PostgresException("a server error", "FATAL", "FATAL", state);
        Assert.Equal(fault, DatabaseErrors.FaultOf(failure));
        Assert.Equal(isAway, DatabaseErrors.IsUnavailable(failure));
    }

    private static async Task<(string LockTimeout, string IdleTimeout)> ReadAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')", connection);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetString(0), reader.GetString(1));
    }
}
