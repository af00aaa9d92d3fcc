using System.Data;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Locks of the database's own: for jobs while the lock service is away, and for migrations. Each is held by a transaction that stays
/// open on a connection of its own. It ends with the process that holds it and takes no connection from the pool. A lock of the session
/// would be left behind on a server connection of a pooler in transaction mode; the transaction keeps that server connection for itself,
/// and the lock ends with it.
/// </summary>
internal sealed class AdvisoryLocks(IConfiguration configuration)
{
    // The transaction waits and idles for as long as the work takes, whatever the role's defaults are.
    private const string NoTimeouts =
        """
        SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)
        """;

    private const string Try = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
    private const string Wait = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

    /// <summary>Takes the lock, or answers null when another session has it.</summary>
    public async Task<AdvisoryLock?> TryTakeAsync(string key, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(cancellationToken);
        try
        {
            if (await AskAsync(session, Try, key, cancellationToken) is true)
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

    /// <summary>Takes the lock as soon as no other session has it.</summary>
    public async Task<AdvisoryLock> TakeAsync(string key, CancellationToken cancellationToken)
    {
        var session = await BeginAsync(cancellationToken);
        try
        {
            await AskAsync(session, Wait, key, cancellationToken);
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
            // Seconds: so that a session that has died is noticed while the work is between two statements.
            KeepAlive = 5,
            CommandTimeout = 0,
        };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            // Ends with the connection.
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

    private static async Task<object?> AskAsync(NpgsqlConnection session, string question, string key, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(question, session);
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

    /// <summary>Cancelled when the session has died, and the lock with it.</summary>
    public CancellationToken Lost { get; }

    public async ValueTask DisposeAsync()
    {
        _connection.StateChange -= OnStateChange;
        try
        {
            // Explicitly, although the end of the session would do: that may reach the server after the next process has asked for the
            // lock.
            await using var command = new NpgsqlCommand("ROLLBACK", _connection);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // The session is gone, and the lock with it.
        }
        await _connection.DisposeAsync();
        _lost.Dispose();
    }

    private void OnStateChange(object sender, StateChangeEventArgs change)
    {
        if (change.CurrentState != ConnectionState.Open)
        {
            // Not awaited: what the work does on its cancellation may dispose this very lock.
            _ = _lost.CancelAsync();
        }
    }
}
