using System.Data;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Jobs;

/// <summary>
/// Locks of the database's own, for jobs while the lock service is away. Each is tied to a session of its own: it ends with the process that holds it,
/// takes no connection from the pool, and is never handed to somebody else with one.
/// </summary>
internal sealed class AdvisoryLocks(IConfiguration configuration)
{
    private const string Take = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";

    /// <summary>Takes the lock, or answers null when another session has it.</summary>
    public async Task<AdvisoryLock?> TryTakeAsync(string key, CancellationToken cancellationToken)
    {
        var session = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(PersistenceExtensions.ConnectionName))
        {
            Pooling = false,
            ApplicationName = "pointsystem-job",
            // Seconds: so that a session that has died is noticed while the work is between two statements.
            KeepAlive = 5,
        };
        var connection = new NpgsqlConnection(session.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            await using var command = new NpgsqlCommand(Take, connection);
            command.Parameters.Add(Columns.Value(key));
            if (await command.ExecuteScalarAsync(cancellationToken) is true)
            {
                var held = new AdvisoryLock(connection, key);
                connection = null;
                return held;
            }
            return null;
        }
        finally
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }
        }
    }
}

/// <summary>A session that holds an advisory lock.</summary>
internal sealed class AdvisoryLock : IAsyncDisposable
{
    private const string Release = "SELECT pg_advisory_unlock(hashtextextended($1, 0))";

    private readonly NpgsqlConnection _connection;
    private readonly string _key;
    private readonly CancellationTokenSource _lost = new();

    public AdvisoryLock(NpgsqlConnection connection, string key)
    {
        _connection = connection;
        _key = key;
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
            // By word, though the end of the session would do: that reaches the server a little later than whoever asks next.
            await using var command = new NpgsqlCommand(Release, _connection);
            command.Parameters.Add(Columns.Value(_key));
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
