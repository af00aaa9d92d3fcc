using System.Net;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Persistence;

/// <summary>Migrations on a server that has none of the roles yet, as each kind of user who may migrate.</summary>
public sealed class NewServerTests : IAsyncLifetime
{
    private readonly PointsDatabase _server = new();
    private string _superuser = "";

    public async ValueTask InitializeAsync()
    {
        Needs.OwnPostgres();
        _superuser = await _server.StartEmptyAsync(Token);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>
    /// Both want to create the roles, which belong to the cluster. Both wait for somebody who creates one and gives up; then one is faster. Where everybody
    /// may create tables in the schema, nobody may afterwards.
    /// </summary>
    [Fact]
    public async Task Migrate_TwoDatabasesOfAClusterAtOnce_BothSucceedAndNobodyElseMayCreate()
    {
        await ExecuteAsync("CREATE DATABASE one");
        await ExecuteAsync("CREATE DATABASE two");
        string[] databases = [In("one"), In("two")];
        // As in a cluster that was created before PostgreSQL 15.
        await ExecuteAsync("CREATE ROLE anybody");
        await Books.TextsAsync(databases[0], "GRANT CREATE ON SCHEMA public TO PUBLIC");
        const string MayCreate = "SELECT count(*) WHERE has_schema_privilege('anybody', 'public', 'CREATE')";
        Assert.Equal(1, await Books.CountAsync(databases[0], MayCreate));
        await using var held = await HeldTransaction.BeginAsync(_superuser, "CREATE ROLE points_api SUPERUSER");
        var migrations = databases.Select(database => ApiProcess.Run(["migrate"], database)).ToList();
        await held.WaitForWaitersAsync(2);
        await held.RollbackAsync();

        foreach (var migration in migrations)
        {
            await migration.WaitForExitAsync(Token);
            Assert.True(migration.ExitCode == 0, migration.Output);
            Assert.DoesNotContain("missing", migration.Output, StringComparison.Ordinal);
            await migration.DisposeAsync();
        }

        foreach (var database in databases)
        {
            Assert.Equal(1, await Books.CountAsync(
                database,
                "SELECT count(*) FROM pg_roles WHERE rolname = 'points_api' AND NOT rolcanlogin AND NOT rolsuper"
                    + " AND has_table_privilege(oid, 'point_ledger_entries', 'INSERT') AND NOT has_table_privilege(oid, 'point_ledger_entries', 'UPDATE')"));
            Assert.Equal(0, await Books.CountAsync(database, MayCreate));
        }
    }

    /// <summary>As in a managed database: an administrator creates the roles before or after, and the migration says so.</summary>
    [Fact]
    public async Task Migrate_UserMayNotCreateRoles_SaysWhatToRunAndGrantsWhenItHasBeenRun()
    {
        await ExecuteAsync("CREATE ROLE migrator LOGIN PASSWORD 'm'");
        await ExecuteAsync("CREATE DATABASE shop OWNER migrator");
        var owner = ConnectionString("migrator", "shop", "m");

        var first = await MigrateAsync(owner);
        foreach (var role in new[] { DatabaseRoles.Api, DatabaseRoles.Notifications, DatabaseRoles.Reader })
        {
            Assert.Contains(
                $"The role {role} is missing, and migrator may not create it: have an administrator run \"CREATE ROLE {role} NOLOGIN\", and run migrate again.",
                first, StringComparison.Ordinal);
            await ExecuteAsync($"CREATE ROLE {role} NOLOGIN");
        }

        await ExecuteAsync("CREATE ROLE shop_replica LOGIN PASSWORD 'r' IN ROLE points_api");
        Assert.Equal("The schema is up to date.", await MigrateAsync(owner));

        await using var api = await ApiHost.StartAsync(ConnectionString("shop_replica", "shop", "r"), ("ASPNETCORE_ENVIRONMENT", "Production"));
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await client.GetAsync("/health/ready")).Expect(HttpStatusCode.OK);
        (await client.AccumulateAsync(1, 10)).Expect(HttpStatusCode.Created);
        Assert.DoesNotContain("connect as a member", api.Output, StringComparison.Ordinal);

        await using var asOwner = await ApiHost.StartAsync(owner, ("ASPNETCORE_ENVIRONMENT", "Production"));
        Assert.Contains("The database user migrator is the owner of the ledger", asOwner.Output, StringComparison.Ordinal);

        // Nor may the replicas' user migrate.
        await using var refused = ApiProcess.Run(["migrate"], ConnectionString("shop_replica", "shop", "r"));
        await refused.WaitForExitAsync(Token);
        Assert.Equal(1, refused.ExitCode);
        Assert.StartsWith("The database returned an error: permission denied", refused.Output, StringComparison.Ordinal);
    }

    /// <summary>An installation that happens to have called its own user like the role.</summary>
    [Fact]
    public async Task Migrate_RoleIsTheOwner_IsSaidAndLosesNothing()
    {
        await ExecuteAsync("CREATE ROLE points_api LOGIN CREATEROLE PASSWORD 'a'");
        await ExecuteAsync("CREATE DATABASE shop OWNER points_api");
        var owner = ConnectionString("points_api", "shop", "a");

        Assert.Contains("The role points_api can act as the owner of the tables, points_api", await MigrateAsync(owner), StringComparison.Ordinal);
        await using var api = await ApiHost.StartAsync(owner);
        using var client = new PointsClient(api.Address, Tokens.Admin);
        (await client.AccumulateAsync(1, 10)).Expect(HttpStatusCode.Created);
        await MigrateAsync(owner);
    }

    private static async Task<string> MigrateAsync(string connectionString)
    {
        await using var migration = ApiProcess.Run(["migrate"], connectionString);
        await migration.WaitForExitAsync(Token);
        Assert.True(migration.ExitCode == 0, migration.Output);
        return migration.Output;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(_superuser);
        await database.ExecuteAsync(sql);
    }

    private string In(string database) => new NpgsqlConnectionStringBuilder(_superuser) { Database = database }.ConnectionString;

    private string ConnectionString(string user, string database, string password) => new NpgsqlConnectionStringBuilder(_superuser)
    {
        Username = user,
        Password = password,
        Database = database,
    }.ConnectionString;
}
