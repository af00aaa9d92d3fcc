using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Ledger;

/// <summary>Pooled connections that have become unusable: no request fails because it gets one, and no good connection is dropped.</summary>
public sealed class StaleConnectionTests(PointsDatabase server)
{
    /// <summary>The cause (Npgsql 10.0.3): an error between two rows, in a batch whose later statements are being prepared.</summary>
    [Theory]
    [InlineData("division by zero")]
    [InlineData("row lock")]
    [InlineData("cancelled")]
    public async Task Read_AfterAnErrorBetweenTwoRows_SucceedsOnTheSameConnection(string error)
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var client = new LedgerClient(database, 1);
        var (one, two) = (PointsClient.NewMember(), PointsClient.NewMember());
        await client.AccumulateAsync(Math.Min(one, two), 100);
        await client.AccumulateAsync(Math.Max(one, two), 100);

        // The first call counts the uses of its statements. The second one prepares them, and the error occurs there.
        async Task<int> ReadAsync(NpgsqlConnection connection, bool fails)
        {
            await using var batch = connection.CreateBatch();
            batch.BatchCommands.Add(Columns.Statement("BEGIN"));
            batch.BatchCommands.Add(Columns.Statement("SELECT set_config('lock_timeout', '100', true)"));
            batch.BatchCommands.Add(error switch
            {
                "row lock" => Columns.Statement(
                    "SELECT member_id FROM member_wallets WHERE member_id = ANY ($1) ORDER BY member_id FOR UPDATE",
                    Columns.Longs([one, two], member => member)),
                "cancelled" => Columns.Statement(
                    "SELECT i, repeat('x', 20000), CASE WHEN i = 3 AND $1 = 0 THEN pg_sleep(60) END FROM generate_series(1, 3) AS i",
                    Columns.Value(fails ? 0L : 1L)),
                _ => Columns.Statement("SELECT i / CASE i WHEN 3 THEN $1 ELSE 1 END FROM generate_series(1, 3) AS i", Columns.Value(fails ? 0L : 1L)),
            });
            batch.BatchCommands.Add(Columns.Statement("SELECT 17"));
            batch.BatchCommands.Add(Columns.Statement("COMMIT"));
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
            await using var reader = await batch.ExecuteReaderAsync(limit.Token);
            await reader.NextResultAsync(limit.Token);
            while (await reader.ReadAsync(limit.Token))
            {
                if (fails && error == "cancelled")
                {
                    // The caller cancels when it has read some of the rows.
                    await limit.CancelAsync();
                }
            }

            await reader.NextResultAsync(limit.Token);
            await reader.ReadAsync(limit.Token);
            return reader.GetInt32(0);
        }

        var session = await SessionAsync(database);
        Assert.Equal(17, await database.RunAsync(connection => ReadAsync(connection, fails: false), Token));
        await using (await HeldTransaction.LockWalletsAsync(database.ConnectionString, Math.Max(one, two)))
        {
            await Assert.ThrowsAnyAsync<Exception>(() => database.RunAsync(connection => ReadAsync(connection, fails: true), Token));
        }

        // Without the fix the connection answers 26000 to every later request. That is the fault.
        await using (var connection = await database.OpenConnectionAsync(Token))
        {
            var fault = await Assert.ThrowsAsync<PostgresException>(() => ReadAsync(connection, fails: false));
            Assert.Equal("26000", fault.SqlState);
        }

        Assert.Equal(17, await database.RunAsync(connection => ReadAsync(connection, fails: false), Token));
        Assert.Equal(17, await database.RunAsync(connection => ReadAsync(connection, fails: false), Token));
        Assert.Equal(session, await SessionAsync(database));
    }

    /// <summary>In the ledger's own statement the error comes before any row, so the connection stays usable.</summary>
    [Fact]
    public async Task Write_AfterTimeoutsOfTheSecondRow_PreparesAsBefore()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var client = new LedgerClient(database, 1);
        long[] members = [.. Enumerable.Range(0, 2).Select(_ => PointsClient.NewMember()).Order()];
        await client.AccumulateAsync(members[0], 100);
        await client.AccumulateAsync(members[1], 100);
        await using (await HeldTransaction.LockWalletsAsync(database.ConnectionString, members[1]))
        {
            var session = await SessionAsync(database);
            for (var time = 0; time < 6; time++)
            {
                // Directly from the pool: the retry of RunAsync would hide the fault.
                await using var connection = await database.OpenConnectionAsync(Token);
                var refused = await Assert.ThrowsAsync<PostgresException>(() => LedgerLoader.LoadAsync(
                    connection, LoadPlan.For([.. members.Select(Use)]), client.Rules, client.Clock.GetUtcNow(),
                    new RowLockTimes(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5)), Token));
                Assert.Equal(PostgresErrorCodes.LockNotAvailable, refused.SqlState);
            }

            Assert.Equal(session, await SessionAsync(database));
        }

        Assert.All(await client.ExecuteAsync([.. members.Select(Use)]), outcome => Assert.Null(outcome.Error));
    }

    [Theory]
    [InlineData("SELECT%FOR UPDATE%")]
    [InlineData("SELECT%load_lots%")]
    [InlineData("INSERT INTO point_ledger_entries%")]
    [InlineData("UPDATE member_wallets%")]
    public async Task Use_PreparedStatementIsMissing_IsAppliedOnceOnTheSameConnection(string statement)
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var (client, member) = await StartAsync(database);
        var session = await SessionAsync(database);
        await ForgetAsync(database, statement);

        await client.UseAsync(member, "B1", 10);
        await client.UseAsync(member, "B2", 10);

        Assert.Equal(session, await SessionAsync(database));
        Assert.Equal(50, await BalanceAsync(database, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    [Fact]
    public async Task Read_PreparedStatementIsMissing_SucceedsOnTheSameConnection()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 1, Token);
        var (client, member) = await StartAsync(database);
        var usage = await client.UseAsync(member, "B1", 5);
        Assert.Null((await client.CancelAsync(usage, 1)).Error);
        var other = PointsClient.NewMember();
        Assert.Null((await client.TransferAsync(member, other, 5)).Error);
        var keys = await client.LedgerAsync(member);
        PointKey Key(string kind) => PointKey.TryParse(keys.Last(line => line.Kind == kind).PointKey, out var key) ? key : default;
        var moment = new PastMoment(client.Clock.GetUtcNow(), client.Now.Today);
        Func<Task<object?>>[] reads =
        [
            async () => await BalanceQuery.ReadAsync(database, member, client.Now.Today, null, 10, Token),
            async () => await BalanceAtQuery.ReadAsync(database, member, moment, null, 10, Token),
            async () => await HistoryQuery.ReadAsync(database, new HistoryFilter(member, null, null), long.MaxValue, 10, Token),
            async () => await HistoryQuery.ReadEntriesAsync(database, member, 1, 2, 10, Token),
            async () => await UsageTraceQuery.ReadAsync(database, usage, 0, 10, Token),
            async () => await UsageTraceQuery.ReadDetailsAsync(database, usage, 0, 10, Token),
            async () => await AccumulationTraceQuery.ReadAsync(database, Key("ACCUMULATE"), 0, 10, Token),
            async () => await TransferQuery.ReadAsync(database, Key("TRANSFER_OUT"), 0, 10, Token),
            async () => await CancellationQuery.ReadAsync(database, Key("USE_CANCEL"), 0, 10, Token),
        ];
        var session = await SessionAsync(database);
        foreach (var read in reads)
        {
            for (var time = 0; time < 3; time++)
            {
                Assert.NotNull(await read());
            }

            await ForgetAsync(database, "%");
            Assert.NotNull(await read());
            Assert.NotNull(await read());
        }

        Assert.Equal(session, await SessionAsync(database));
    }

    [Fact]
    public async Task Read_SessionsEndedByTheServer_SucceedsOnANewOne()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 6, Token);
        var (client, member) = await StartAsync(database);
        await using var other = database.Unpooled();
        for (var round = 0; round < 4; round++)
        {
            var held = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => database.OpenConnectionAsync(Token).AsTask()));
            await Task.WhenAll(held.Select(connection => connection.DisposeAsync().AsTask()));
            await other.EndOtherSessionsAsync();

            var balances = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => BalanceQuery.ReadAsync(database, member, client.Now.Today, null, 10, Token)));

            Assert.All(balances, balance => Assert.Equal(70, balance.Balance));
        }
    }

    /// <summary>After an unexpected message Npgsql breaks the connection and throws an exception that is not a database exception.</summary>
    [Fact]
    public async Task Read_ConnectionBrokenByAnUnexpectedMessage_SucceedsOnAnother()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 2, Token);
        await using var other = database.Unpooled();
        var attempts = 0;
        async Task<int> WorkAsync(NpgsqlConnection connection)
        {
            if (++attempts <= 2)
            {
                await other.ExecuteAsync($"SELECT pg_terminate_backend({connection.ProcessID})");
                await Record.ExceptionAsync(async () => await new NpgsqlCommand("SELECT 1", connection).ExecuteScalarAsync(Token));
                throw new InvalidDataException("Received unexpected backend message DataRow. Please file a bug.");
            }

            return 17;
        }

        Assert.Equal(17, await database.RunAsync(WorkAsync, Token));
        Assert.Equal(3, attempts);

        // If the connection is intact, the exception is our own bug and is not retried.
        var tried = 0;
        await Assert.ThrowsAsync<DivideByZeroException>(() => database.RunAsync<int>(_ => throw new DivideByZeroException($"{++tried}"), Token));
        Assert.Equal(1, tried);
    }

    /// <summary>Some operators set <c>idle_session_timeout</c>.</summary>
    [Fact]
    public async Task AnyWork_SessionEndedByTheIdleTimeout_SucceedsOnANewOne()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 2, Token);
        var (client, member) = await StartAsync(database);
        await using var other = database.Unpooled();
        var name = new NpgsqlConnectionStringBuilder(database.ConnectionString).Database;
        await database.ExecuteAsOwnerAsync($"ALTER DATABASE {name} SET idle_session_timeout = '200ms'");
        database.Clear();
        for (var time = 0; time < 3; time++)
        {
            await client.UseAsync(member, "I", 1);
            Assert.Equal(70 - time - 1, (await BalanceQuery.ReadAsync(database, member, client.Now.Today, null, 10, Token)).Balance);
            await Eventually.HoldsAsync(
                async () => await Books.CountAsync(
                    other.ConnectionString,
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0,
                "the sessions have ended");
        }

        await client.UseAsync(member, "I", 1);
        await Books.AssertBalancedAsync(other.ConnectionString, member);
    }

    /// <summary>As after a fail-over to a server that is still read-only, or for a role that is read-only by default.</summary>
    [Fact]
    public async Task Write_SessionsStartedWhileReadOnly_SucceedsOnceTheServerIsWritable()
    {
        await using var database = await server.CreateDatabaseAsync(settings => settings.MaxPoolSize = 5, Token);
        var (client, member) = await StartAsync(database);
        await using var other = database.Unpooled();
        var name = new NpgsqlConnectionStringBuilder(database.ConnectionString).Database;
        await other.ExecuteAsOwnerAsync($"ALTER DATABASE {name} SET default_transaction_read_only = on");
        await other.EndOtherSessionsAsync();
        for (var time = 0; time < 10; time++)
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => client.UseAsync(member, "R", 1));
            Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
        }

        await using var writer = database.Unpooled("-c default_transaction_read_only=off");
        await writer.ExecuteAsOwnerAsync($"ALTER DATABASE {name} RESET default_transaction_read_only");

        await Eventually.HoldsAsync(
            async () =>
            {
                try
                {
                    await client.UseAsync(member, "B", 10);
                    return true;
                }
                catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
                {
                    return false;
                }
            },
            "writes succeed again");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.UseAsync(member, "C", 1)));
        Assert.Equal(40, await BalanceAsync(database, member));
        await Books.AssertBalancedAsync(database.ConnectionString, member);
    }

    private static UsePoints.Command Use(long member) => new(member, "A1", 10, "test", null);

    private static async Task<(LedgerClient Client, long Member)> StartAsync(NpgsqlDataSource database)
    {
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        await client.AccumulateAsync(member, 100);
        for (var use = 1; use <= 3; use++)
        {
            await client.UseAsync(member, $"A{use}", 10);
        }

        return (client, member);
    }

    private static Task ForgetAsync(NpgsqlDataSource database, string statement) => database.ExecuteAsync(
        $"""
        DO $$ DECLARE s text; BEGIN
            FOR s IN SELECT name FROM pg_prepared_statements WHERE statement LIKE '{statement}' LOOP
                EXECUTE format('DEALLOCATE %I', s);
            END LOOP;
            IF NOT FOUND THEN RAISE 'No such statement is prepared.'; END IF;
        END $$
        """);

    private static async Task<int> SessionAsync(NpgsqlDataSource database)
    {
        await using var connection = await database.OpenConnectionAsync(Token);
        return connection.ProcessID;
    }

    private static Task<long> BalanceAsync(NpgsqlDataSource database, long member) =>
        Books.BalanceAsync(database.ConnectionString, member);
}
