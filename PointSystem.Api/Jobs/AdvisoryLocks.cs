using System.Data;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Advisory locks of the database: for jobs while the lock store is unavailable, and for migrations. Each lock is held by an open
/// transaction on a connection of its own, outside the pool, and ends with the process that holds it. A session lock would stay behind on
/// a server connection of a pooler in transaction mode; a transaction keeps its server connection, and the lock ends with the
/// transaction.
/// </summary>
internal sealed class AdvisoryLocks(IConfiguration configuration)
{
    // The transaction waits and is idle for as long as the work takes, whatever the role's defaults are.
    private const string NoTimeouts =
        """
        SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)
        """;

    private const string Try = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
    private const string Wait = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

    /// <summary>Acquires the lock, or returns null if another session holds it.</summary>
    public async Task<AdvisoryLock?> TryAcquireAsync(string key, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(cancellationToken);
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

    /// <summary>Waits until no other session holds the lock, and acquires it.</summary>
    public async Task<AdvisoryLock> AcquireAsync(string key, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(cancellationToken);
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

    private async Task<NpgsqlConnection> BeginAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(PersistenceExtensions.ConnectionName))
        {
            Pooling = false,
            ApplicationName = "pointsystem-job",
            // In seconds: detects a lost session while the work is between two statements.
            KeepAlive = 5,
            CommandTimeout = 0,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            // The transaction ends with the connection.
            await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
            await using var command = new NpgsqlCommand(NoTimeouts, connection);
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
        await using var command = new NpgsqlCommand(sql, session);
        command.Parameters.Add(Columns.Value(key));
        return await command.ExecuteScalarAsync(cancellationToken);
    }
}

/// <summary>A session whose open transaction holds an advisory lock.</summary>
internal sealed class AdvisoryLock : IAsyncDisposable
{
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
        try
        {
            // Explicit, although ending the session also releases the lock: the server may notice that after the next process has tried
            // the lock.
            await using var command = new NpgsqlCommand("ROLLBACK", _connection);
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
