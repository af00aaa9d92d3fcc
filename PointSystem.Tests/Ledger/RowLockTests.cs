using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>The row lock orders writers. If it were missing, the primary key of the ledger would refuse the second writer.</summary>
public sealed class RowLockTests(PointsDatabase server)
{
    [Fact]
    public async Task Write_WalletHeldByAnother_FailsWithLockNotAvailable()
    {
        var (database, client, member) = await StartAsync();
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, member);

        var refused = await Assert.ThrowsAsync<PostgresException>(() =>
            client.Ledger.ExecuteAsync([Use(member)], TimeSpan.FromMilliseconds(50), Token));
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, refused.SqlState);

        await held.RollbackAsync();
        await client.UseAsync(member, "A1", 60);
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    /// <summary>
    /// Without a wait, commands of a busy wallet are left out, also those that touch it as receiver; the others are committed.
    /// </summary>
    [Fact]
    public async Task Write_WithoutAWait_LeavesOutWhatABusyWalletConcerns()
    {
        var (database, client, busy) = await StartAsync();
        long[] free = [PointsClient.NewMember(), PointsClient.NewMember(), PointsClient.NewMember()];
        await client.AccumulateAsync(free[0], 100);
        await client.AccumulateAsync(free[1], 100);
        IPointCommand[] commands =
        [
            Use(free[0]), Use(busy), Transfer(free[1], busy), new AccumulatePoints.Command(free[2], 5, 30, false, null, "test", null),
            Use(busy) with { OrderNumber = "A2" }, Transfer(free[1], free[0]), Use(PointsClient.NewMember()),
        ];
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, busy);

        var outcomes = await client.Ledger.ExecuteAsync(commands, TimeSpan.Zero, Token);

        Assert.Equal([true, false, false, true, false, true, true], outcomes.Select(outcome => outcome is not null));
        Assert.Equal([null, null, null, PointErrorCodes.InsufficientPoint], outcomes.OfType<CommandOutcome>().Select(outcome => outcome.Error?.Code));
        await held.RollbackAsync();
        var others = await client.Ledger.ExecuteAsync(
            [.. commands.Where((_, i) => outcomes[i] is null)], TimeSpan.Zero, Token);
        Assert.Equal([null, null, PointErrorCodes.InsufficientPoint], others.Select(outcome => outcome!.Error?.Code));
        var balances = new List<long>();
        foreach (var member in free.Append(busy))
        {
            await Books.AssertBalancedAsync(database.ConnectionString, member);
            balances.Add(await Books.BalanceAsync(database.ConnectionString, member));
        }
        Assert.Equal([50, 80, 5, 50], balances);
    }

    [Fact]
    public async Task Write_LoadedWithoutTheRowLock_IsRefusedByTheLedger()
    {
        var (database, client, member) = await StartAsync();
        await using var connection = await database.OpenConnectionAsync(Token);
        var rows = await LedgerLoader.LoadAsync(
            connection, LoadPlan.For([Use(member)]), client.Rules, client.Clock.GetUtcNow(),
            new RowLockTimes(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5)), Token);
        var accounts = rows.Build(client.Now);

        // The lock is released, as in a build that never takes it, and another writer spends the same points.
        await ExecuteAsync(connection, "ROLLBACK");
        await client.UseAsync(member, "A1", 60);
        await ExecuteAsync(connection, "BEGIN");
        var outcome = Use(member).Apply(accounts, new CommandContext(new PointPolicy(), client.Now, "test", LedgerClient.NewKey));
        Assert.Null(outcome.Error);
        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => LedgerWriter.WriteAsync(connection, accounts.Values, [], client.Clock.GetUtcNow(), Token));

        Assert.Equal(PostgresErrorCodes.UniqueViolation, refused.SqlState);
        await ExecuteAsync(connection, "ROLLBACK");
        await Books.AssertBalancedAsync(database.ConnectionString, member);
        Assert.Equal(40, await Books.BalanceAsync(database.ConnectionString, member));
    }

    private static UsePoints.Command Use(long member) => new(member, "A1", 60, "test", null);

    private static TransferPoints.Command Transfer(long from, long to) => new(from, to, 10, null, "test", null);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    private async Task<(NpgsqlDataSource Database, LedgerClient Client, long Member)> StartAsync()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        return (database, client, member);
    }
}
