using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>
/// Runs work on a pooled connection. If the connection turns out to have become unusable since its last use, the work is repeated on
/// another one.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>
/// Session ended: the server ended the session or restarted. The work is repeated on another connection, if it had not started to write.
/// </item>
/// <item>
/// Unknown statement (26000): the client uses a prepared statement that the session does not know. Npgsql 10.0.3 does so after an error
/// between two rows of one statement of a batch that was preparing later ones. All statements of the connection are unprepared, and the
/// work is repeated.
/// </item>
/// <item>
/// Lost columns: the same cause. The session knows the statement, but the client has lost its columns, treats the first row as a protocol
/// error and breaks the connection. The work is repeated on another one, if it had not started to write.
/// </item>
/// <item>
/// Read-only (25006): the session started while the server accepted no writes (a standby, a default of the role), and can stay so long
/// after. The work is repeated on a new connection, at most once a second, so that a server that really accepts no writes is not flooded
/// with new connections.
/// </item>
/// </list>
/// If the server answered with an error (26000, 25006), it has rolled back. <see cref="DatabaseErrors"/> recognises each case.
/// </remarks>
internal static partial class Connections
{
    // The next connection of the pool may be unusable as well; a third one hardly is.
    private const int AttemptsMax = 3;
    private static readonly TimeSpan RenewInterval = TimeSpan.FromSeconds(1);
    private static readonly ConditionalWeakTable<NpgsqlDataSource, StrongBox<long>> Renewed = [];

    /// <summary>Reads on a pooled connection; repeats on another one if that turns out to be unusable.</summary>
    public static Task<T> RunAsync<T>(this NpgsqlDataSource database, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        database.RunAsync(attempt => work(attempt.Connection), null, cancellationToken);

    /// <summary>The rows of one query.</summary>
    /// <param name="database">The pool.</param>
    /// <param name="sql">The query.</param>
    /// <param name="parameters">Its parameters, in order.</param>
    /// <param name="read">Reads the row that the reader stands at.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public static Task<List<T>> QueryAsync<T>(
        this NpgsqlDataSource database, string sql, IReadOnlyList<NpgsqlParameter> parameters, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken) => database.RunAsync(
            async connection =>
            {
                await using var batch = connection.CreateBatch();
                batch.BatchCommands.Add(Columns.Statement(sql, [.. parameters.Select(parameter => parameter.Clone())]));
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                var rows = new List<T>();
                while (await reader.ReadAsync(cancellationToken))
                {
                    rows.Add(read(reader));
                }

                return rows;
            },
            cancellationToken);

    /// <summary>
    /// Works on a pooled connection; repeats on another one if that turns out to be unusable and the work cannot have taken effect.
    /// </summary>
    /// <param name="database">The pool.</param>
    /// <param name="work">
    /// The work. It sets <see cref="Attempt.HasBegunToWrite"/> when it starts to write. Disposing the connection always ends its
    /// transaction.
    /// </param>
    /// <param name="logger">Logs each unusable connection; may be null.</param>
    /// <param name="cancellationToken">Cancels the wait for a connection.</param>
    public static async Task<T> RunAsync<T>(
        this NpgsqlDataSource database, Func<Attempt, Task<T>> work, ILogger? logger, CancellationToken cancellationToken)
    {
        for (var attempts = 1; ; attempts++)
        {
            try
            {
                return await database.RunOnceAsync(work, cancellationToken);
            }
            catch (StaleConnectionException stale) when (attempts < AttemptsMax)
            {
                if (logger is not null)
                {
                    LogStale(logger, stale.InnerException!);
                }
            }
            catch (StaleConnectionException last)
            {
                ExceptionDispatchInfo.Throw(last.InnerException!);
                throw;
            }
        }
    }

    private static async Task<T> RunOnceAsync<T>(this NpgsqlDataSource database, Func<Attempt, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var attempt = new Attempt(connection);
        try
        {
            return await work(attempt);
        }
        catch (Exception unknownStatement) when (DatabaseErrors.IsUnknownStatement(unknownStatement))
        {
            await UnprepareAsync(connection);
            throw new StaleConnectionException(unknownStatement);
        }
        catch (Exception readOnly) when (DatabaseErrors.IsReadOnly(readOnly) && TryRenew(database))
        {
            throw new StaleConnectionException(readOnly);
        }
        catch (Exception ended) when (!attempt.HasBegunToWrite && DatabaseErrors.IsSessionEnded(ended))
        {
            // The other connections of the pool are lost as well, or can be replaced at little cost.
            database.Clear();
            throw new StaleConnectionException(ended);
        }
        catch (Exception lostColumns) when (!attempt.HasBegunToWrite && DatabaseErrors.HasLostColumns(lostColumns, connection))
        {
            throw new StaleConnectionException(lostColumns);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "A pooled connection was not usable any more; repeating on another one")]
    private static partial void LogStale(ILogger logger, Exception exception);

    private static async Task UnprepareAsync(NpgsqlConnection connection)
    {
        try
        {
            await using var rollback = new NpgsqlCommand("ROLLBACK", connection);
            await rollback.ExecuteNonQueryAsync(CancellationToken.None);
            connection.UnprepareAll();
        }
        catch (NpgsqlException)
        {
            // The connection is broken now, and the pool discards it.
        }
    }

    private static bool TryRenew(NpgsqlDataSource database)
    {
        var last = Renewed.GetValue(database, static _ => new StrongBox<long>(long.MinValue));
        var now = Environment.TickCount64;
        var seen = Volatile.Read(ref last.Value);
        if ((seen != long.MinValue && now - seen < RenewInterval.TotalMilliseconds) || Interlocked.CompareExchange(ref last.Value, now, seen) != seen)
        {
            return false;
        }

        database.Clear();
        return true;
    }

    /// <summary>One attempt on one connection.</summary>
    internal sealed class Attempt(NpgsqlConnection connection)
    {
        public NpgsqlConnection Connection => connection;

        /// <summary>If true, the work may have taken effect even if its answer is missing.</summary>
        public bool HasBegunToWrite { get; set; }
    }

    private sealed class StaleConnectionException(Exception found) : Exception(found.Message, found);
}
