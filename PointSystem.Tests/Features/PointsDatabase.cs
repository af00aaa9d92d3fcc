using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Local;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Features;

[assembly: AssemblyFixture(typeof(PointsDatabase))]

namespace PointSystem.Tests.Features;

/// <summary>
/// A migrated database of the tests' own: on the server that POINTSYSTEM_TEST_POSTGRES names (a connection string), else on a new server on a
/// data directory that goes with it. Tests share it; each has members of its own.
/// </summary>
public sealed class PointsDatabase : IAsyncDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private readonly SemaphoreSlim _gate = new(1);
    private DataDirectory? _data;
    private ClusterLog? _log;
    private ManagedProcess? _server;
    private NpgsqlDataSource? _source;
    private string? _settings;

    /// <summary>The database; started by whoever asks first.</summary>
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

    /// <summary>Another migrated database on the same server, which the caller has to himself.</summary>
    /// <param name="tune">Changes its connection settings.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    internal async Task<NpgsqlDataSource> CreateDatabaseAsync(Action<NpgsqlConnectionStringBuilder>? tune, CancellationToken cancellationToken)
    {
        await GetAsync(cancellationToken);
        return await CreateOneAsync(tune, cancellationToken);
    }

    /// <summary>Ends the server as <c>kill -9</c> does. For a server of the test's own.</summary>
    internal Task KillServerAsync(CancellationToken cancellationToken) => _server!.KillAsync(cancellationToken);

    /// <summary>Starts the killed server again on its data and its port.</summary>
    internal async Task RestartServerAsync(CancellationToken cancellationToken)
    {
        // Until the killed server's children have noticed, its shared memory is in use, and a new server ends at once.
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
        return await CreateOneAsync(null, cancellationToken);
    }

    private async Task<NpgsqlDataSource> CreateOneAsync(Action<NpgsqlConnectionStringBuilder>? tune, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(_settings) { Pooling = false };
        var name = $"points_{Guid.NewGuid():n}";
        await using (var server = NpgsqlDataSource.Create(settings))
        {
            await server.CreateCommand($"CREATE DATABASE {name}").ExecuteNonQueryAsync(cancellationToken);
        }

        var own = new NpgsqlConnectionStringBuilder(PersistenceExtensions.Tune(new NpgsqlConnectionStringBuilder(_settings) { Database = name }.ConnectionString));
        tune?.Invoke(own);
        var source = NpgsqlDataSource.Create(own);
        await using var db = new PointDbContext(new DbContextOptionsBuilder<PointDbContext>().UseNpgsql(source).Options);
        await db.Database.MigrateAsync(cancellationToken);
        return source;
    }

    private async Task<string> StartServerAsync(CancellationToken cancellationToken)
    {
        // Found as the product finds it: installed, otherwise from npm.
        _data = DataDirectory.Open(ClusterFixture.NewDataDirectory());
        _log = new ClusterLog(_data.Root, ClusterLogs.Add);
        var binaries = await PostgresChoice.ChooseAsync(PostgresChoice.FromEnvironment, _data.Postgres, _log.Say, cancellationToken);
        var server = new PostgresServer(_data, Secrets.LoadOrCreate(_data.Root), binaries, Ports.Next());
        await server.PrepareAsync(_log.Say, cancellationToken);
        _server = new ManagedProcess(server.Spec(maxConnections: 200, [new("fsync", "off"), new("jit", "on")]), _log, server.ProbeAsync);
        _server.Start();
        await _server.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        // Some tests build another connection string from that of a data source.
        return server.ConnectionString(poolSize: 100) + ";Persist Security Info=true";
    }
}
