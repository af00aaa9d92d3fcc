using System.Net;
using System.Text.RegularExpressions;
using Npgsql;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Persistence;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Persistence;

/// <summary>Logs in as a member of each role, and tries what it must not do.</summary>
public sealed partial class RolesTests(PointsDatabase server)
{
    private static readonly DatabaseUser[] Users =
    [
        DatabaseUser.Replica,
        new("points_test_reader", DatabaseRoles.Reader),
        new("points_test_notifications", DatabaseRoles.Notifications),
    ];

    // Beside the rights to tables, which are tried for each role and table. {0} is the user itself, {1} the owner, {2} the database.
    private static readonly string[] Never =
    [
        "SET session_replication_role = replica",
        "SET LOCAL session_replication_role = replica",
        "SELECT set_config('session_replication_role', 'replica', true)",
        "ALTER ROLE {0} SET session_replication_role = replica",
        "ALTER DATABASE {2} SET session_replication_role = replica",
        "ALTER TABLE point_ledger_entries DISABLE TRIGGER point_ledger_entries_append_only",
        "DROP TRIGGER point_ledger_entries_append_only ON point_ledger_entries",
        "CREATE TRIGGER mine BEFORE INSERT ON point_ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()",
        "CREATE RULE mine AS ON INSERT TO point_ledger_entries DO INSTEAD NOTHING",
        "ALTER TABLE point_ledger_entries DROP CONSTRAINT ck_point_ledger_entries_delta",
        "ALTER TABLE point_ledger_entries OWNER TO {0}",
        "CREATE INDEX mine ON point_ledger_entries (actor)",
        "SELECT 1 FROM point_ledger_entries FOR UPDATE",
        "DO $$ BEGIN LOCK TABLE point_ledger_entries IN ACCESS EXCLUSIVE MODE; END $$",
        "INSERT INTO point_ledger_entries SELECT * FROM point_ledger_entries ON CONFLICT (member_id, sequence) DO UPDATE SET delta = 1",
        "MERGE INTO point_ledger_entries AS e USING (VALUES (1)) AS v ON e.member_id = 1 WHEN MATCHED THEN UPDATE SET delta = 1",
        "UPDATE pg_trigger SET tgenabled = 'D'",
        "DELETE FROM pg_constraint",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION event_offset() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "ALTER FUNCTION refuse_ledger_change() RENAME TO mine",
        "DROP FUNCTION load_lots(bigint, bigint, bigint, date)",
        "CREATE ROLE mine",
        "ALTER ROLE {0} SUPERUSER",
        "GRANT points_api TO points_reader",
        "GRANT {1} TO {0}",
        "SET ROLE {1}",
        "SET SESSION AUTHORIZATION {1}",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "COPY (SELECT 1) TO '/tmp/mine'",
        "SELECT lo_import('/etc/hostname')",
        "ALTER SYSTEM SET fsync = off",
        "SELECT pg_reload_conf()",
        "CREATE PUBLICATION mine FOR ALL TABLES",
        "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION refuse_ledger_change()",
    ];

    public static TheoryData<string> Roles => new(Users.Select(user => user.Role));

    [Theory]
    [MemberData(nameof(Roles))]
    public async Task Role_WhatItMustNotDo_IsForbidden(string role)
    {
        await using var owned = await server.CreateDatabaseAsync(null, Token);
        await using var database = await LogInAsync(owned, role);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var owner = new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(database.ConnectionString)).Username;
        var attempts = Never.Select(sql => string.Format(System.Globalization.CultureInfo.InvariantCulture, sql, settings.Username, owner, settings.Database))
            .Concat(await BeyondRightsAsync(owned, role)).ToList();

        var allowed = new List<string>();
        foreach (var sql in attempts)
        {
            var outcome = await Record.ExceptionAsync(() => database.ExecuteAsync(sql));
            if (outcome is not PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege })
            {
                allowed.Add($"{sql}: {outcome?.Message ?? "done"}");
            }
        }

        Assert.True(allowed.Count == 0, string.Join('\n', allowed));
        // Every table, and every column that the role may not update.
        Assert.True(attempts.Count > Never.Length + 60, $"Only {attempts.Count} attempts.");
    }

    /// <summary>A setting of the connection is refused as SET is.</summary>
    [Theory]
    [MemberData(nameof(Roles))]
    public async Task Role_ConnectsWithoutTriggers_IsRefused(string role)
    {
        await using var database = await LogInAsync(await server.GetAsync(Token), role);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Options = "-c session_replication_role=replica" };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.OpenAsync(Token));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    /// <summary>PostgreSQL answers with a warning only, so what counts is what may be done afterwards.</summary>
    [Fact]
    public async Task Api_GrantsItselfMore_HasNoMore()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var before = await RightsAsync(database, DatabaseRoles.Api);

        await database.ExecuteAsync("GRANT ALL ON TABLE point_ledger_entries, member_wallets TO points_api, points_replica, PUBLIC");

        Assert.Equal(before, await RightsAsync(database, DatabaseRoles.Api));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync("UPDATE point_ledger_entries SET delta = 1"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task Rights_OfEveryRole_AreTheDecidedOnes()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);
        var existing = (await Books.TextsAsync(database.ConnectionString, TablesOfTheSchema)).ToHashSet();

        foreach (var user in Users)
        {
            var decided = DatabaseRoles.Tables.Where(table => existing.Contains(table.Name)).SelectMany(table => Split(RightsOf(table, user.Role))
                .Select(right => $"{table.Name}: {right}"));
            Assert.Equal(decided.Order(StringComparer.Ordinal), await RightsAsync(database, user.Role));
        }

        Assert.Empty(await Books.TextsAsync(
            database.ConnectionString, $"SELECT relname::text FROM pg_class, aclexplode(relacl) WHERE grantee = 0 AND {OfTheSchema}"));
        Assert.Equal(0, await Books.CountAsync(
            database.ConnectionString,
            "SELECT count(*) FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = 0 AND privilege_type = 'CREATE'"));
    }

    /// <summary>A new table or function needs a line in <see cref="DatabaseRoles"/>.</summary>
    [Fact]
    public async Task Objects_OfTheSchema_AreAllDecided()
    {
        await using var database = await server.CreateDatabaseAsync(null, Token);

        var tables = await Books.TextsAsync(database.ConnectionString, TablesOfTheSchema);
        var functions = await Books.TextsAsync(
            database.ConnectionString, "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace");

        Assert.InRange(tables.Count, 12, 100);
        Assert.Empty(tables.Except(DatabaseRoles.Tables.Select(table => table.Name)));
        Assert.InRange(functions.Count, 7, 100);
        Assert.Empty(functions.Select(Compact).Except(DatabaseRoles.Functions.Select(function => Compact(function.Name))));

        // An identity column needs no right to its sequence; any other sequence would.
        Assert.Empty(await Books.TextsAsync(
            database.ConnectionString,
            $"SELECT relname::text FROM pg_class WHERE relkind = 'S' AND {OfTheSchema}"
                + " AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'i')"));

        // Everybody may call our functions. That is harmless as long as none runs with the rights of the owner.
        Assert.Empty(await Books.TextsAsync(
            database.ConnectionString, "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"));

        static string Compact(string signature) => signature.Replace(" ", "", StringComparison.Ordinal);
    }

    /// <summary>As on a standby: in a session that cannot write.</summary>
    [Fact]
    public async Task Reader_EveryReadOfPoints_Succeeds()
    {
        var database = await server.GetAsync(Token);
        var client = new LedgerClient(database, 1);
        var member = PointsClient.NewMember();
        var lot = LedgerClient.KeyOf(await client.AccumulateAsync(member, 100));
        var usage = await client.UseAsync(member, "A1", 50);
        var cancellation = LedgerClient.KeyOf(await client.CancelAsync(usage, 20));
        var transfer = LedgerClient.KeyOf(await client.TransferAsync(member, PointsClient.NewMember(), 10));
        await using var reader = await LogInAsync(database, DatabaseRoles.Reader, "-c default_transaction_read_only=on");

        Assert.Equal(60, (await BalanceQuery.ReadAsync(reader, member, client.Now.Today, null, 10, Token)).Balance);
        var moment = PastMoment.Of(client.Clock.GetUtcNow(), LedgerClient.Zone);
        Assert.Equal(60, (await BalanceAtQuery.ReadAsync(reader, member, moment, null, 10, Token)).Balance);
        Assert.Equal(4, (await HistoryQuery.ReadAsync(reader, new HistoryFilter(member, null, null), long.MaxValue, 10, Token)).Items.Count);
        Assert.Equal(2, (await HistoryQuery.ReadAsync(reader, new HistoryFilter(member, "A1", null), long.MaxValue, 10, Token)).Items.Count);
        Assert.NotEmpty((await HistoryQuery.ReadEntriesAsync(reader, member, 1, 2, 10, Token)).Items);
        Assert.NotNull(await UsageTraceQuery.ReadAsync(reader, usage, 0, 10, Token));
        Assert.NotNull(await UsageTraceQuery.ReadDetailsAsync(reader, usage, 0, 10, Token));
        Assert.NotNull(await AccumulationTraceQuery.ReadAsync(reader, lot, 0, 10, Token));
        Assert.NotNull(await CancellationQuery.ReadAsync(reader, cancellation, 0, 10, Token));
        Assert.NotNull(await TransferQuery.ReadAsync(reader, transfer, 0, 10, Token));
        Assert.NotNull(await ConfigStore.ReadAsync(reader, Token));
    }

    [Fact]
    public async Task Ready_UserWithoutRights_SaysWhatIsMissing()
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var other = await LogInAsync(database, DatabaseRoles.Notifications);
        await using var api = await ApiHost.StartAsync(connectionString, (ApiProcess.ConnectionVariable, other.ConnectionString));
        using var client = new PointsClient(api.Address);

        var ready = (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.ServiceUnavailable);

        Assert.Equal(
            "The user of the database has no rights to its tables: make it a member of points_api, and run the migrations.",
            ready.Json["checks"]!["database"]!["description"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("Production", true, true)]
    [InlineData("Production", false, false)]
    [InlineData("Staging", true, false)]
    public async Task Start_AsSuperuser_IsSaidInProduction(string environment, bool asSuperuser, bool isSaid)
    {
        var connectionString = await server.CreateOwnedAsync(Token);
        var used = asSuperuser ? connectionString : PointsDatabase.AsReplica(connectionString);
        await using var api = await ApiHost.StartAsync(
            connectionString, (ApiProcess.ConnectionVariable, used), ("ASPNETCORE_ENVIRONMENT", environment));

        const string Sentence = "is a superuser, so the database cannot keep it from changing what has been written";
        Assert.Equal(isSaid ? 1 : 0, api.Output.Split('\n').Count(line => line.Contains(Sentence, StringComparison.Ordinal)));
    }

    private const string OfTheSchema = "relnamespace = 'public'::regnamespace AND NOT relispartition";

    private const string TablesOfTheSchema = $"SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND {OfTheSchema}";

    /// <summary>The same database as a member of the role.</summary>
    private static async Task<NpgsqlDataSource> LogInAsync(NpgsqlDataSource database, string role, string? options = null)
    {
        var user = Users.Single(one => one.Role == role);
        var owner = PointsDatabase.AsOwner(database.ConnectionString);
        await user.EnsureAsync(owner, Token);
        var settings = new NpgsqlConnectionStringBuilder(user.ConnectionString(owner)) { PersistSecurityInfo = true };
        settings.Options = options ?? settings.Options;
        var source = NpgsqlDataSource.Create(settings);
        Assert.Equal(user.Name, await source.CreateCommand("SELECT session_user::text").ExecuteScalarAsync(Token));
        return source;
    }

    private static string RightsOf(DatabaseRoles.Rights table, string role) =>
        role == DatabaseRoles.Api ? table.Api : role == DatabaseRoles.Reader ? table.Reader : table.Notifications;

    /// <summary>The single rights of a list as GRANT writes it: <c>INSERT</c>, <c>UPDATE (column)</c>.</summary>
    private static IEnumerable<string> Split(string rights) => RightPattern().Matches(rights).SelectMany(right =>
        right.Groups["columns"] is { Success: true } columns
            ? columns.Value.Split(", ").Select(column => $"{right.Groups["name"].Value} ({column})")
            : [right.Groups["name"].Value]);

    [GeneratedRegex(@"(?<name>[A-Z]+)( \((?<columns>[^)]*)\))?")]
    private static partial Regex RightPattern();

    /// <summary>What the role has been given, in the format of <see cref="Split"/>.</summary>
    private static async Task<IEnumerable<string>> RightsAsync(NpgsqlDataSource database, string role) => (await Books.TextsAsync(
        database.ConnectionString,
        $"""
        SELECT relname || ': ' || privilege_type FROM pg_class, aclexplode(relacl) WHERE grantee = $1::regrole AND {OfTheSchema}
        UNION ALL
        SELECT relname || ': ' || privilege_type || ' (' || attname || ')'
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl) WHERE grantee = $1::regrole AND {OfTheSchema}
        """,
        role)).Order(StringComparer.Ordinal);

    /// <summary>Statements for every table, each of which needs a right that the role does not have.</summary>
    private static async Task<List<string>> BeyondRightsAsync(NpgsqlDataSource database, string role)
    {
        var statements = new List<string>();
        foreach (var name in await Books.TextsAsync(database.ConnectionString, TablesOfTheSchema))
        {
            var (table, rights) = ($"\"{name}\"", Split(RightsOf(DatabaseRoles.Tables.Single(one => one.Name == name), role)).ToHashSet());
            statements.AddRange(
                $"TRUNCATE {table}", $"DROP TABLE {table}", $"ALTER TABLE {table} ADD COLUMN mine int", $"ALTER TABLE {table} DISABLE TRIGGER ALL",
                $"CREATE TRIGGER mine AFTER INSERT ON {table} EXECUTE FUNCTION refuse_ledger_change()");
            void Without(string right, string statement)
            {
                if (!rights.Contains(right))
                {
                    statements.Add(statement);
                }
            }

            Without("SELECT", $"SELECT * FROM {table}");
            Without("INSERT", $"INSERT INTO {table} DEFAULT VALUES");
            Without("DELETE", $"DELETE FROM {table}");
            foreach (var column in await Books.TextsAsync(
                database.ConnectionString, "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped", table))
            {
                Without($"UPDATE ({column})", $"UPDATE {table} SET \"{column}\" = DEFAULT");
            }
        }

        return statements;
    }
}
