using System.Data;
using System.Globalization;
using Npgsql;
using OpenTelemetry;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Advisory locks of the database, for jobs and migrations. Each lock is held by an open transaction on a connection of its own, outside
/// the pool, and ends with the process that holds it. A session lock would stay behind on a server connection of a pooler in transaction
/// mode; a transaction keeps its server connection, and the lock ends with the transaction.
/// </summary>
internal sealed class AdvisoryLocks(IConfiguration configuration)
{
    // The transaction waits for as long as the work takes, whatever the role's defaults are.
    private const string Timeouts =
        """
        SELECT set_config('idle_in_transaction_session_timeout', $1, true), set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)
        """;

    private const string Try = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
    private const string Wait = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

    // Messages of an idle session in each lease: one may be late.
    private const int KeepAlives = 3;

    // In seconds.
    private const int KeepAliveMin = 1;
    private const int KeepAliveMax = 5;

    /// <summary>Acquires the lock, or returns null if another session holds it.</summary>
    /// <param name="key">Whose hash is locked.</param>
    /// <param name="lease">
    /// After this time without a sign of life, the server ends the session and the lock with it: a holder that hangs, or whose host is gone, does
    /// not keep it. Shorter than 3 s counts as 3 s.
    /// </param>
    /// <param name="cancellationToken">Cancels the attempt; nothing is held then.</param>
    public async Task<AdvisoryLock?> TryAcquireAsync(string key, TimeSpan lease, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(lease, cancellationToken);
        try
        {
            if (await QueryAsync(session, Try, key, cancellationToken) is true)
            {
                var held = new AdvisoryLock(session);
                session = null;
                return held;
            }

            return null;
        }
        finally
        {
            if (session is not null)
            {
                await session.DisposeAsync();
            }
        }
    }

    /// <summary>Waits until no other session holds the lock, and acquires it. It has no lease.</summary>
    public async Task<AdvisoryLock> AcquireAsync(string key, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(lease: null, cancellationToken);
        try
        {
            await QueryAsync(session, Wait, key, cancellationToken);
            return new AdvisoryLock(session);
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    private async Task<NpgsqlConnection> BeginAsync(TimeSpan? lease, CancellationToken cancellationToken)
    {
        // Each lock would be a trace of three spans, every time that a job looks for work.
        using var untraced = SuppressInstrumentationScope.Begin();
        var settings = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(PersistenceExtensions.ConnectionName))
        {
            Pooling = false,
            ApplicationName = "pointsystem-job",
            // Detects a lost session while the work is between two statements, and tells the server that this process is alive.
            KeepAlive = lease is { } third ? Math.Clamp((int)(third / KeepAlives).TotalSeconds, KeepAliveMin, KeepAliveMax) : KeepAliveMax,
            CommandTimeout = 0,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            // The transaction ends with the connection.
            await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
            await using var command = new NpgsqlCommand(Timeouts, connection);
            var idle = lease is { } time ? Math.Max(time.TotalMilliseconds, TimeSpan.FromSeconds(KeepAlives * KeepAliveMin).TotalMilliseconds) : 0;
            command.Parameters.Add(Columns.Value(idle.ToString("F0", CultureInfo.InvariantCulture)));
            await command.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static async Task<object?> QueryAsync(NpgsqlConnection session, string sql, string key, CancellationToken cancellationToken)
    {
        using var untraced = SuppressInstrumentationScope.Begin();
        await using var command = new NpgsqlCommand(sql, session);
        command.Parameters.Add(Columns.Value(key));
        return await command.ExecuteScalarAsync(cancellationToken);
    }
}

/// <summary>A session whose open transaction holds an advisory lock.</summary>
internal sealed class AdvisoryLock : IAsyncDisposable
{
    // In seconds.
    private const int ReleaseTimeout = 5;

    private readonly NpgsqlConnection _connection;
    private readonly CancellationTokenSource _lost = new();

    public AdvisoryLock(NpgsqlConnection connection)
    {
        _connection = connection;
        Lost = _lost.Token;
        connection.StateChange += OnStateChange;
    }

    /// <summary>Cancelled when the session is lost, and the lock with it.</summary>
    public CancellationToken Lost { get; }

    public async ValueTask DisposeAsync()
    {
        _connection.StateChange -= OnStateChange;
        using var untraced = SuppressInstrumentationScope.Begin();
        try
        {
            // Explicit, although ending the session also releases the lock: the server may notice that after the next process has tried
            // the lock.
            await using var command = new NpgsqlCommand("ROLLBACK", _connection) { CommandTimeout = ReleaseTimeout };
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // The session is lost, and the lock with it.
        }
        await _connection.DisposeAsync();
        _lost.Dispose();
    }

    private void OnStateChange(object sender, StateChangeEventArgs change)
    {
        if (change.CurrentState != ConnectionState.Open)
        {
            // Not awaited: a cancellation callback of the work may dispose this lock.
            _ = _lost.CancelAsync();
        }
    }
}
