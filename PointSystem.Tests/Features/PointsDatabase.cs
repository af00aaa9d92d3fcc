using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using PointSystem.Api.Persistence;
using PointSystem.Local.Postgres;
using PointSystem.Tests.Features;
using PointSystem.Tests.Infrastructure;

[assembly: AssemblyFixture(typeof(PointsDatabase))]

namespace PointSystem.Tests.Features;

/// <summary>
/// A migrated database of the tests' own: on the server that POINTSYSTEM_TEST_POSTGRES names (a connection string), else on a new server on a
/// data directory that goes with it. Tests share it; each has members of its own.
/// </summary>
public sealed class PointsDatabase : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"pointsystem-tests-{Guid.NewGuid():n}");
    private ChildProcess? _server;
    private Func<ChildProcess>? _startServer;
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
            Directory.Delete(_directory, recursive: true);
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
    internal Task KillServerAsync() => _server!.KillAsync();

    /// <summary>Starts the killed server again on its data and its port.</summary>
    internal async Task RestartServerAsync(CancellationToken cancellationToken)
    {
        await _server!.DisposeAsync();
        _server = _startServer!();
        await UntilAnsweredAsync(cancellationToken);
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
        var binaries = PostgresBinaries.FindInstalled() is [var newest, ..] ? newest : null;
        Assert.SkipWhen(binaries is null, "PostgreSQL is not installed, and POINTSYSTEM_TEST_POSTGRES names no server.");
        Directory.CreateDirectory(_directory);
        var data = Path.Combine(_directory, "data");
        var asRoot = !OperatingSystem.IsWindows() && Environment.UserName == "root";
        if (asRoot)
        {
            await using var own = ChildProcess.Start("chown", ["postgres", _directory]);
            await own.WaitForExitAsync(cancellationToken);
        }

        // PostgreSQL refuses to run as root.
        ChildProcess Run(string program, params string[] arguments) => asRoot
            ? ChildProcess.Start("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, .. arguments])
            : ChildProcess.Start(program, arguments);

        await using (var init = Run(binaries.InitDb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"))
        {
            await init.WaitForExitAsync(cancellationToken);
            Assert.True(init.ExitCode == 0, init.Output);
        }

        var port = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        _startServer = () => Run(binaries.Server, "-D", data, "-p", port, "-k", _directory, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off");
        _server = _startServer();
        _settings = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres";
        await UntilAnsweredAsync(cancellationToken);
        return _settings;
    }

    private Task UntilAnsweredAsync(CancellationToken cancellationToken) => Eventually.TrueAsync(
        () => AnswersAsync(_settings!, cancellationToken), () => $"PostgreSQL does not answer: {_server!.Output}", cancellationToken);

    private static async Task<bool> AnswersAsync(string settings, CancellationToken cancellationToken)
    {
        try
        {
            // From the pool, a connection to the server that has gone would do for an answer.
            await using var connection = new NpgsqlConnection(settings + ";Pooling=false");
            await connection.OpenAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
