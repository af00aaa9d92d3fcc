using System.Globalization;
using System.Net;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Features;
using PointSystem.Tests.Jobs;

namespace PointSystem.Tests.Api;

/// <summary>Databases as users provide them: with another encoding, migrated by several processes at once, behind PgBouncer.</summary>
public sealed class AnyDatabaseTests(PointsDatabase server)
{
    [Theory]
    [InlineData("EUC_KR", false)]
    [InlineData("EUC_KR", true)]
    [InlineData("SQL_ASCII", false)]
    [InlineData("LATIN1", true)]
    public async Task Start_EncodingIsNotUtf8_ExitsWithOneSentence(string encoding, bool migrate)
    {
        var database = await server.GetAsync(Token);
        var name = $"odd_{Guid.NewGuid():n}";
        await database.ExecuteAsOwnerAsync($"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        await using var process = ApiProcess.Run(
            migrate ? ["migrate"] : [], new NpgsqlConnectionStringBuilder(database.ConnectionString) { Database = name }.ConnectionString);

        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.Equal(
            $"The database's encoding is {encoding}, which cannot store every text: create it with ENCODING 'UTF8' (and TEMPLATE template0).",
            process.Output.Trim());
    }

    [Fact]
    public async Task Migrate_FourAtOnceOnANewDatabase_AllExitWithZeroAndOneMigrates()
    {
        var database = await ApiProcess.NewDatabaseAsync(await server.GetAsync(Token));

        await MigrateAsync(database, 4);
    }

    [Theory]
    [InlineData("serializable", null)]
    [InlineData("repeatable read", "-c jit=off")]
    public async Task Isolation_AnyDefaultOfTheDatabase_EveryConcurrentWriteSucceeds(string isolation, string? options)
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        await using (var direct = NpgsqlDataSource.Create(connectionString))
        {
            await direct.ExecuteAsync($"ALTER DATABASE {settings.Database} SET default_transaction_isolation = '{isolation}'");
        }

        settings.Options = options;
        await using var one = await ApiHost.StartAsync(settings.ConnectionString);
        await using var two = await ApiHost.StartAsync(settings.ConnectionString);
        using PointsClient first = new(one.Address, Tokens.Admin), second = new(two.Address, Tokens.Admin);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        (await first.AccumulateAsync(member, 10_000)).Expect(HttpStatusCode.Created);

        async Task WriteAsync(int i)
        {
            var client = i % 2 == 0 ? first : second;
            var usage = (await client.UseAsync(member, $"A{i}", 10, $"use-{member}-{i}")).Expect(HttpStatusCode.Created);
            (await client.CancelUsageAsync(usage.TextOf("pointKey"), 5)).Expect(HttpStatusCode.OK);
            (await client.TransferAsync(member, other, 1)).Expect(HttpStatusCode.Created);
            (await client.GetAsync($"/api/points/use/{usage.TextOf("pointKey")}")).Expect(HttpStatusCode.OK);
            (await client.PostAsync($"/api/admin/points/reconciliation/members/{member}", new { })).Expect(HttpStatusCode.OK);
        }

        // One after the other until each replica has compiled what it runs; then all at once.
        await WriteAsync(0);
        await WriteAsync(1);
        await Task.WhenAll(Enumerable.Range(2, 18).Select(WriteAsync));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            var change = new { configValue = $"{9_000_000 + i}" };
            (await (i % 2 == 0 ? first : second).PutAsync("/api/admin/points/config/MAX_BALANCE_PER_MEMBER", change)).Expect(HttpStatusCode.OK);
        }));

        Assert.Equal(10_000 - (20 * 6), await first.BalanceAsync(member));
        await Books.AssertBalancedAsync(connectionString, member, other);
    }

    [Theory]
    [InlineData("MaxAutoPrepare=0", 0, 5)]
    [InlineData("max auto prepare=0", 0, 5)]
    [InlineData("Max Auto Prepare=7;AutoPrepareMinUsages=9", 7, 9)]
    [InlineData("Auto Prepare Min Usages=9", 100, 9)]
    [InlineData("Password='MaxAutoPrepare=0'", 100, 2)]
    [InlineData("", 100, 2)]
    public void Tune_PreparedStatements_FollowTheConnectionString(string setting, int max, int usages)
    {
        var tuned = new NpgsqlConnectionStringBuilder(PersistenceExtensions.Tune($"Host=x;{setting}"));

        Assert.Equal((max, usages), (tuned.MaxAutoPrepare, tuned.AutoPrepareMinUsages));
    }

    [Theory]
    [InlineData("Keepalive=30", false)]
    [InlineData("KeepAlive=30", false)]
    [InlineData("tcpkeepalive=false", false)]
    [InlineData("TCP KeepAlive Time=3", false)]
    [InlineData("Password='Keepalive=1'", true)]
    [InlineData("", true)]
    public void Tune_Keepalive_IsSetUnlessTheConnectionStringSetsIt(string setting, bool isSet)
    {
        var tuned = new NpgsqlConnectionStringBuilder(PersistenceExtensions.Tune($"Host=x;{setting}"));

        Assert.Equal(isSet, tuned.TcpKeepAlive && tuned.TcpKeepAliveTime == 10);
    }

    [Fact]
    public async Task ReadOnly_ForAWhile_IsNotReadyAndRecovers()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await using var api = await ApiHost.StartAsync(connectionString);
        using var client = new PointsClient(api.Address);
        var member = await client.CreateMemberAsync(1_000);
        var writable = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Options = "-c default_transaction_read_only=off" };
        await using var direct = NpgsqlDataSource.Create(writable);

        await direct.ExecuteAsync($"ALTER DATABASE {name} SET default_transaction_read_only = on");
        await direct.EndOtherSessionsAsync();
        for (var i = 0; i < 20; i++)
        {
            (await client.UseAsync(member, "R", 1)).Expect(HttpStatusCode.ServiceUnavailable);
            Assert.Equal(1_000, await client.BalanceAsync(member));
            var ready = (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable);
            Assert.Contains("read-only", ready.Text, StringComparison.Ordinal);
        }

        await direct.ExecuteAsync($"ALTER DATABASE {name} RESET default_transaction_read_only");
        await Eventually.HoldsAsync(async () => (await client.UseAsync(member, "R", 1)).Status == HttpStatusCode.Created, "writes succeed again");
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(async _ => (await client.UseAsync(member, "W", 1)).Expect(HttpStatusCode.Created)));
        Assert.Equal(1_000 - 61, await client.BalanceAsync(member));
        await Books.AssertBalancedAsync(connectionString, member);
    }

    [Fact]
    public async Task PgBouncer_TransactionModeWithoutItsSetting_ExitsWithOneSentence()
    {
        await using var pooler = await PgBouncer.StartAsync((await server.GetAsync(Token)).ConnectionString, Token);
        await using var process = ApiProcess.Run([], pooler.ConnectionString("postgres", marked: false));

        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.Equal(
            "The connection goes through PgBouncer, which refuses the startup parameter 'options': add 'No Reset On Close=true' to the connection string.",
            process.Output.Trim());
    }

    [Fact]
    public async Task PgBouncer_TransactionMode_MigratesAndServesEveryKindOfRequest()
    {
        var source = await server.GetAsync(Token);
        var direct = await ApiProcess.NewDatabaseAsync(source);
        var name = new NpgsqlConnectionStringBuilder(direct).Database!;
        await using (var owner = await PgBouncer.StartAsync(direct, Token))
        {
            await MigrateAsync(owner.ConnectionString(name, marked: true), 2);
        }

        await using var pooler = await PgBouncer.StartAsync(source.ConnectionString, Token);
        await using var api = await ApiHost.StartAsync(pooler.ConnectionString(name, marked: true));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        var (member, other) = (PointsClient.NewMember(), PointsClient.NewMember());

        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        // Several rounds, each on any server connection: a prepared statement would fail at its second use.
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            (await client.AccumulateAsync(member, 100, idempotencyKey: $"a{i}")).Expect(HttpStatusCode.Created);
            var usage = (await client.UseAsync(member, $"A{i}", 60)).Expect(HttpStatusCode.Created);
            (await client.CancelUsageAsync(usage.TextOf("pointKey"), 10)).Expect(HttpStatusCode.OK);
            (await client.TransferAsync(member, other, 5)).Expect(HttpStatusCode.Created);
            (await client.GetAsync($"/api/points/use/{usage.TextOf("pointKey")}")).Expect(HttpStatusCode.OK);
            (await client.GetAsync($"/api/points/history/{member}")).Expect(HttpStatusCode.OK);
            (await client.GetAsync($"/api/points/balance/{member}?asOf=2026-01-01")).Expect(HttpStatusCode.OK);
            (await client.PostAsync($"/api/admin/points/reconciliation/members/{member}", new { })).Expect(HttpStatusCode.OK);
        }));

        Assert.Equal(12 * (100 - 60 + 10 - 5), await client.BalanceAsync(member));
        (await client.PutAsync("/api/admin/points/config/MAX_BALANCE_PER_MEMBER", new { configValue = "9000000" })).Expect(HttpStatusCode.OK);
        var run = (await client.PostAsync("/api/admin/points/reconciliation/all", new { })).Expect(HttpStatusCode.Accepted);
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync(run.Headers["Location"])).TextOf("status") == "COMPLETED", "the run ends");
        await Books.AssertBalancedAsync(direct, member, other);
    }

    // A session lock would stay on the server connection, which the pooler then hands to the next client.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PgBouncer_AdvisoryLockOfAJob_ExcludesOthersAndDoesNotLeak(bool released)
    {
        var database = await server.GetAsync(Token);
        await using var pooler = await PgBouncer.StartAsync(database.ConnectionString, Token);
        var proxy = new FaultProxy(pooler.Port);
        var locks = LocksThrough(pooler, pooler.Port);
        var key = $"point:job:{Guid.NewGuid():n}";
        var lease = TimeSpan.FromMinutes(5);

        var held = await LocksThrough(pooler, proxy.Port).TryAcquireAsync(key, lease, Token);
        Assert.NotNull(held);
        Assert.Null(await locks.TryAcquireAsync(key, lease, Token));
        // Without a release its connection closes, as it does when its process ends.
        await (released ? held.DisposeAsync() : proxy.DisposeAsync());

        // Asks the server directly: through the pooler, the next transaction may get that same connection, where its own lock does not block it.
        await Eventually.HoldsAsync(
            async () => await Books.CountAsync(
                database.ConnectionString,
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0)", key) == 0,
            "no session holds the lock");
        await using (var next = await locks.TryAcquireAsync(key, lease, Token))
        {
            Assert.NotNull(next);
        }

        await (released ? proxy.DisposeAsync() : held.DisposeAsync());
    }

    private static AdvisoryLocks LocksThrough(PgBouncer pooler, int port)
    {
        var connection = new NpgsqlConnectionStringBuilder(pooler.ConnectionString("postgres", marked: true)) { Port = port }.ConnectionString;
        return JobRunners.AdvisoryLocksOf(connection);
    }

    private static async Task MigrateAsync(string database, int processes)
    {
        var migrations = Enumerable.Range(0, processes).Select(_ => ApiProcess.Run(["migrate"], database)).ToList();
        foreach (var migration in migrations)
        {
            await migration.WaitForExitAsync(Token);
        }

        Assert.All(migrations, migration => Assert.True(migration.ExitCode == 0, migration.Output));
        Assert.Single(migrations, migration => migration.Output.StartsWith("Applied ", StringComparison.Ordinal));
        Assert.Equal(processes - 1, migrations.Count(migration => migration.Output == "The schema is up to date."));
        foreach (var migration in migrations)
        {
            await migration.DisposeAsync();
        }
    }

    /// <summary>A real PgBouncer in transaction mode in front of the test server. Without pgbouncer the test is skipped.</summary>
    private sealed class PgBouncer : IAsyncDisposable
    {
        private readonly ChildProcess _process;
        private readonly string _directory;

        private PgBouncer(ChildProcess process, string directory, int port)
        {
            _process = process;
            _directory = directory;
            Port = port;
        }

        public int Port { get; }

        /// <param name="connectionString">The server, and the user as whom every client works.</param>
        /// <param name="cancellationToken">Ends the attempt.</param>
        public static async Task<PgBouncer> StartAsync(string connectionString, CancellationToken cancellationToken)
        {
            var program = Needs.Program("pgbouncer", "/usr/sbin");
            Needs.OwnPostgres();
            var settings = new NpgsqlConnectionStringBuilder(connectionString);
            var port = Ports.Next();
            var directory = Path.Combine(Path.GetTempPath(), $"pgbouncer-{Guid.NewGuid():n}");
            Directory.CreateDirectory(directory);
            var file = Path.Combine(directory, "pgbouncer.ini");
            await File.WriteAllTextAsync(
                file,
                string.Create(CultureInfo.InvariantCulture, $"""
                [databases]
                * = host=127.0.0.1 port={settings.Port} user={settings.Username} password={settings.Password}
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = {port}
                auth_type = any
                pool_mode = transaction
                default_pool_size = 5
                unix_socket_dir =
                admin_users = postgres
                """),
                cancellationToken);
            // It refuses to run as root, as PostgreSQL does.
            var process = ChildProcess.Start(program, [file], userName: PostgresUser.Choose()?.Name);
            var pooler = new PgBouncer(process, directory, port);
            await Eventually.HoldsAsync(
                async () =>
                {
                    Assert.False(process.HasExited, process.Output);
                    try
                    {
                        await using var connection = new NpgsqlConnection(pooler.ConnectionString("postgres", marked: true) + ";Pooling=false");
                        await connection.OpenAsync(cancellationToken);
                        return true;
                    }
                    catch (NpgsqlException)
                    {
                        return false;
                    }
                },
                () => process.Output);
            return pooler;
        }

        /// <param name="database">The database on the server behind the pooler.</param>
        /// <param name="marked">Whether the connection string has <c>No Reset On Close</c>, which Npgsql requires behind PgBouncer.</param>
        public string ConnectionString(string database, bool marked) => new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = Port,
            Username = "postgres",
            Database = database,
            NoResetOnClose = marked,
        }.ConnectionString;

        public async ValueTask DisposeAsync()
        {
            await _process.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }
    }
}
