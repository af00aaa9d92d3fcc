using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Local;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Features;

[assembly: AssemblyFixture(typeof(PointsDatabase))]

namespace PointSystem.Tests.Features;

/// <summary>
/// A migrated database for the tests, on the server of the connection string POINTSYSTEM_TEST_POSTGRES or, without that, on a new server whose
/// data directory is deleted at the end. Tests share the database; each uses its own members.
/// </summary>
/// <remarks>
/// Its data sources connect as the replicas do, as a member of <c>points_api</c>, so every test also proves that the rights of that role are
/// enough. What a test does that the service may not do, it does as the owner (<see cref="DatabaseExtensions.ExecuteAsOwnerAsync"/>).
/// </remarks>
public sealed class PointsDatabase : IAsyncDisposable
{
    private const string Statements = "pg_stat_statements";
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<string, NpgsqlConnectionStringBuilder> Owners = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _gate = new(1);
    private DataDirectory? _data;
    private ClusterLog? _log;
    private ManagedProcess? _server;
    private NpgsqlDataSource? _source;
    private string? _settings;
    private string? _template;

    /// <summary>The shared database. The first call starts it.</summary>
    internal async Task<NpgsqlDataSource> GetAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return _source ??= await StartAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
            _log!.Dispose();
            _data!.Dispose();
            Directory.Delete(_data.Root, recursive: true);
        }

        _gate.Dispose();
    }

    /// <summary>Creates another migrated database on the same server, for the caller alone.</summary>
    /// <param name="tune">Changes the connection settings; null for none.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    internal async Task<NpgsqlDataSource> CreateDatabaseAsync(Action<NpgsqlConnectionStringBuilder>? tune, CancellationToken cancellationToken)
    {
        await GetAsync(cancellationToken);
        return await CreateOneAsync(tune, cancellationToken);
    }

    /// <summary>Creates another migrated database on the same server, for the caller alone, and returns its owner's connection string.</summary>
    internal async Task<string> CreateOwnedAsync(CancellationToken cancellationToken)
    {
        await GetAsync(cancellationToken);
        return await CopyTemplateAsync(cancellationToken);
    }

    /// <summary>
    /// Starts a new server with an empty database, for a caller that uses nothing else of this class, and returns its superuser's connection string.
    /// </summary>
    internal async Task<string> StartEmptyAsync(CancellationToken cancellationToken) => _settings = await StartServerAsync(cancellationToken);

    /// <summary>The same database on one of these servers as the user of the replicas, if the connection string is the owner's.</summary>
    internal static string AsReplica(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString).Username is { } user && Owners.Values.Any(owner => owner.Username == user)
            ? DatabaseUser.Replica.ConnectionString(connectionString)
            : connectionString;

    /// <summary>The same database as the owner, if the connection string leads to one of these servers.</summary>
    internal static string AsOwner(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        if (Owners.TryGetValue($"{settings.Host}:{settings.Port}", out var owner))
        {
            (settings.Username, settings.Password) = (owner.Username, owner.Password);
        }

        return settings.ConnectionString;
    }

    /// <summary>
    /// How often statements that contain a text were executed in a database so far; null where the server cannot count them (PostgreSQL of npm).
    /// </summary>
    internal static async Task<long?> CallsAsync(string ownerConnectionString, string text)
    {
        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(ownerConnectionString) { Pooling = false });
        await using var loaded = database.CreateCommand($"SELECT current_setting('shared_preload_libraries') LIKE '%{Statements}%'");
        if (await loaded.ExecuteScalarAsync(TestContext.Current.CancellationToken) is not true)
        {
            return null;
        }

        await database.ExecuteAsync($"CREATE EXTENSION IF NOT EXISTS {Statements}");
        await using var count = database.CreateCommand(
            $"""
            SELECT coalesce(sum(calls), 0)::bigint FROM {Statements}
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND position($1 IN query) > 0
            """);
        count.Parameters.Add(new NpgsqlParameter<string> { TypedValue = text });
        return (long)(await count.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    /// <summary>Kills the server like <c>kill -9</c>. Only for a server that no other test uses.</summary>
    internal Task KillServerAsync(CancellationToken cancellationToken) => _server!.KillAsync(cancellationToken);

    /// <summary>Restarts the killed server with its data, on its port.</summary>
    internal async Task RestartServerAsync(CancellationToken cancellationToken)
    {
        // Until the child processes of the killed server have ended, its shared memory is in use and a new server exits at once.
        _server!.AutoRestart = true;
        _server.Start();
        await _server.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        _server.AutoRestart = false;
    }

    private async Task<NpgsqlDataSource> StartAsync(CancellationToken cancellationToken)
    {
        _settings = Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_POSTGRES") is { Length: > 0 } given
            ? given
            : await StartServerAsync(cancellationToken);
        var owner = new NpgsqlConnectionStringBuilder(_settings);
        Owners[$"{owner.Host}:{owner.Port}"] = owner;
        await DatabaseUser.Replica.EnsureAsync(_settings, cancellationToken);
        await DatabaseUser.Notifier.EnsureAsync(_settings, cancellationToken);
        _template = await CreateTemplateAsync(cancellationToken);
        return await CreateOneAsync(null, cancellationToken);
    }

    private async Task<NpgsqlDataSource> CreateOneAsync(Action<NpgsqlConnectionStringBuilder>? tune, CancellationToken cancellationToken)
    {
        // Some tests derive another connection string from a data source, which then has to include the password.
        var settings = new NpgsqlConnectionStringBuilder(await CopyTemplateAsync(cancellationToken)) { PersistSecurityInfo = true };
        var own = new NpgsqlConnectionStringBuilder(PersistenceExtensions.Tune(DatabaseUser.Replica.ConnectionString(settings.ConnectionString)));
        tune?.Invoke(own);
        return NpgsqlDataSource.Create(own);
    }

    /// <summary>A copy of a migrated database takes a tenth of a second, its migrations several.</summary>
    private Task<string> CopyTemplateAsync(CancellationToken cancellationToken) => CreateAsync($"TEMPLATE {_template}", cancellationToken);

    private async Task<string> CreateTemplateAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(await CreateAsync("", cancellationToken)) { Pooling = false };
        await using var owner = NpgsqlDataSource.Create(settings);
        await using var db = new PointDbContext(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql(owner).Options);
        await db.Database.MigrateAsync(cancellationToken);
        await DatabaseRoles.ApplyAsync(owner, cancellationToken);
        return settings.Database!;
    }

    private async Task<string> CreateAsync(string options, CancellationToken cancellationToken)
    {
        var name = $"points_{Guid.NewGuid():n}";
        await using var server = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_settings) { Pooling = false });
        await server.CreateCommand($"CREATE DATABASE {name} {options}").ExecuteNonQueryAsync(cancellationToken);
        return new NpgsqlConnectionStringBuilder(_settings) { Database = name }.ConnectionString;
    }

    private async Task<string> StartServerAsync(CancellationToken cancellationToken)
    {
        // Found as the product finds it: installed binaries, otherwise npm.
        _data = DataDirectory.Open(ClusterFixture.NewDataDirectory());
        _log = new ClusterLog(_data.Root, ClusterLogs.Add);
        var binaries = await PostgresChoice.ChooseAsync(PostgresChoice.FromEnvironment, _data.Postgres, _log.Say, cancellationToken);
        var server = new PostgresServer(_data, Secrets.LoadOrCreate(_data.Root), binaries, Ports.Next());
        await server.PrepareAsync(_log.Say, cancellationToken);
        KeyValuePair<string, string>[] counting = binaries.HasExtension(Statements) ? [new("shared_preload_libraries", Statements)] : [];
        _server = new ManagedProcess(server.Spec(maxConnections: 200, [new("fsync", "off"), new("jit", "on"), .. counting]), _log, server.ProbeAsync);
        _server.Start();
        await _server.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        return server.ConnectionString(poolSize: 100);
    }
}
