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

    // From a write that fits into one packet to one that the closed socket refuses halfway.
    [Theory]
    [InlineData(1, 2)]
    [InlineData(64, 2)]
    [InlineData(500, 1)]
    public async Task Execute_PausedUntilTheServerEndsTheTransaction_StartsOver(int uses, int pauses)
    {
        var member = PointsClient.NewMember();
        await using var database = await OwnAsync(member);
        var client = new LedgerClient(database, 1);
        await client.GrantManyAsync(member, uses, 10);
        var paused = new PausedUse(member, database.ConnectionString, pauses);

        var outcomes = await client.ExecuteAsync([.. Enumerable.Range(0, uses - 1).Select(i => Use(member, $"A{i}")), paused]);

        Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(pauses, paused.Pauses);
        Assert.Equal(0, await Books.BalanceAsync(database.ConnectionString, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    /// <summary>A process that is paused while it waits for its rows reads them when it runs again, long after the server has sent them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    public async Task Execute_PausedWhileItWaitsForItsRows_StartsOver(int uses)
    {
        var member = PointsClient.NewMember();
        await using var database = await OwnAsync(member);
        await new LedgerClient(database, 1).GrantManyAsync(member, uses, 10);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var proxy = new FaultProxy(settings.Port);
        (settings.Host, settings.Port) = ("127.0.0.1", proxy.Port);
        await using var through = NpgsqlDataSource.Create(settings);
        var client = new LedgerClient(through, 1);
        await client.UseAsync(member, "FIRST", 1);
        await using var blocker = await database.OpenConnectionAsync(Token);
        await using var transaction = await blocker.BeginTransactionAsync(Token);
        await using (var lockRow = new NpgsqlCommand("SELECT FROM member_wallets WHERE member_id = $1 FOR UPDATE", blocker))
        {
            lockRow.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member });
            await lockRow.ExecuteNonQueryAsync(Token);
        }

        var outcomes = client.ExecuteAsync([.. Enumerable.Range(0, uses).Select(i => new UsePoints.Command(member, $"A{i}", 9, "test", null))]);
        await Eventually.HoldsAsync(async () => await Books.BlockedByAsync(database.ConnectionString, blocker.ProcessID) > 0, "the batch waits for the row");
        proxy.HoldReplies();
        await transaction.RollbackAsync(Token);
        await Eventually.HoldsAsync(() => proxy.HeldReplies > 0, "the rows are on their way");
        await Eventually.HoldsAsync(async () => await InTransactionAsync(database.ConnectionString, member) == 0, "the server ends the session");
        proxy.ReleaseReplies();

        Assert.All(await outcomes, outcome => Assert.Null(outcome.Error));
        Assert.Equal(uses - 1, await Books.BalanceAsync(database.ConnectionString, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Execute_PausedAgainAndAgain_EndsWithoutEffect()
    {
        const int uses = 500;
        var member = PointsClient.NewMember();
        await using var database = await OwnAsync(member);
        var client = new LedgerClient(database, 1);
        await client.GrantManyAsync(member, uses, 10);

        var failure = await Assert.ThrowsAnyAsync<NpgsqlException>(
            () => client.ExecuteAsync([.. Enumerable.Range(0, uses - 1).Select(i => Use(member, $"A{i}")), new PausedUse(member, database.ConnectionString, int.MaxValue)]));

        Assert.True(DatabaseErrors.IsIdleTimeout(failure), failure.ToString());
        Assert.Equal(uses * 10, await Books.BalanceAsync(database.ConnectionString, member));
    }

    [Fact]
    public async Task Execute_CancelledWhilePaused_DoesNotStartOver()
    {
        var member = PointsClient.NewMember();
        await using var database = await OwnAsync(member);
        var client = new LedgerClient(database, 1);
        await client.GrantManyAsync(member, 1, 10);
        using var cancel = new CancellationTokenSource();
        var paused = new PausedUse(member, database.ConnectionString, 1, cancel);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.Ledger.ExecuteAsync([paused], TimeSpan.FromSeconds(5), cancel.Token));

        Assert.Equal(10, await Books.BalanceAsync(database.ConnectionString, member));
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

    /// <summary>Connections that <see cref="PausedUse"/> can tell from those of other tests.</summary>
    private async Task<NpgsqlDataSource> OwnAsync(long member) => NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder((await server.GetAsync(Token)).ConnectionString) { ApplicationName = $"paused-{member}" });

    private static Task<long> InTransactionAsync(string connectionString, long member) => Books.CountAsync(
        connectionString, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle in transaction'", $"paused-{member}");

    private static UsePoints.Command Use(long member, string order) => new(member, order, 10, "test", null);

    private static async Task<(string LockTimeout, string IdleTimeout)> ReadAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')", connection);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return (reader.GetString(0), reader.GetString(1));
    }

    /// <summary>A use of 10 points that takes as long, once it has its rows, as the server needs to end the transaction.</summary>
    private sealed class PausedUse(long member, string connectionString, int pausesMax, CancellationTokenSource? cancel = null) : IPointCommand
    {
        private readonly UsePoints.Command _use = Use(member, "PAUSED");

        public int Pauses { get; private set; }

        public long MemberId => member;

        public string Actor => _use.Actor;

        public Idempotency? Idempotency => null;

        public void Declare(LoadPlan plan) => _use.Declare(plan);

        public CommandOutcome Apply(IReadOnlyDictionary<long, MemberAccount> accounts, CommandContext context)
        {
            if (Pauses < pausesMax)
            {
                Pauses++;
                Pause();
                cancel?.Cancel();
            }

            return _use.Apply(accounts, context);
        }

        /// <summary>Blocks the thread, as nothing else in a paused process would run either.</summary>
        private void Pause()
        {
            Assert.Equal(1, InTransactionAsync(connectionString, member).GetAwaiter().GetResult());
            Eventually.HoldsAsync(async () => await InTransactionAsync(connectionString, member) == 0, "the server ends the session").GetAwaiter().GetResult();
        }
    }
}
