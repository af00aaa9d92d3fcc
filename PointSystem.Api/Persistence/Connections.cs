using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>
/// Runs work on a pooled connection. One that has become useless since its last use is found out by its next user, whose work is then
/// done again on another.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>
/// Gone: the server ended the session or restarted. The work is done again on another connection, if it had not begun to write.
/// </item>
/// <item>
/// Forgetful (26000): the client takes a statement for prepared that the session does not know. Npgsql 10.0.3 does when an error arrives
/// between two rows of one statement of a batch that was preparing later ones. The connection is told to forget all of them, and the work
/// is done again.
/// </item>
/// <item>
/// Confused: of the same origin. The session knows the statement, the client has forgotten its columns, takes the first row for an error
/// of the protocol and breaks the connection. The work is done again on another one, if it had not begun to write.
/// </item>
/// <item>
/// Read-only (25006): the session began while the server took no writes (a standby, a role's default), and may say so long after. The
/// work is done again on a new connection, at most once a second, so that a server that really takes no writes is not asked for
/// connections all the time.
/// </item>
/// </list>
/// Where the server answered with an error (26000, 25006) it has rolled back. <see cref="DatabaseErrors"/> says how each is recognised.
/// </remarks>
internal static partial class Connections
{
    // The next one from the pool may be as bad; a third one hardly is.
    private const int AttemptsMax = 3;
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(1);
    private static readonly ConditionalWeakTable<NpgsqlDataSource, StrongBox<long>> Renewed = [];

    /// <summary>Reads by a connection of the pool; once more where that one turns out to be of no use.</summary>
    public static Task<T> RunAsync<T>(this NpgsqlDataSource database, Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        database.RunAsync(attempt => work(attempt.Connection), null, cancellationToken);

    /// <summary>
    /// Works by a connection of the pool; once more where that one turns out to be of no use and nothing can have come of it.
    /// </summary>
    /// <param name="database">The pool.</param>
    /// <param name="work">
    /// Says, by its attempt, when it begins to write. Disposing the connection ends its transaction in every case.
    /// </param>
    /// <param name="logger">Gets a line for each connection that was of no use; may be null.</param>
    /// <param name="cancellationToken">Ends the wait for a connection.</param>
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
        catch (Exception forgetful) when (DatabaseErrors.IsForgetful(forgetful))
        {
            await ForgetAsync(connection);
            throw new StaleConnectionException(forgetful);
        }
        catch (Exception readOnly) when (DatabaseErrors.IsReadOnly(readOnly) && TryRenew(database))
        {
            throw new StaleConnectionException(readOnly);
        }
        catch (Exception gone) when (!attempt.HasBegunToWrite && DatabaseErrors.IsGone(gone))
        {
            // Its neighbours in the pool are dead as well, or as good as new a moment later.
            database.Clear();
            throw new StaleConnectionException(gone);
        }
        catch (Exception confused) when (!attempt.HasBegunToWrite && DatabaseErrors.IsConfused(confused, connection))
        {
            throw new StaleConnectionException(confused);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "A pooled connection was of no use any more; trying once more on another")]
    private static partial void LogStale(ILogger logger, Exception exception);

    private static async Task ForgetAsync(NpgsqlConnection connection)
    {
        try
        {
            await using var rollback = new NpgsqlCommand("ROLLBACK", connection);
            await rollback.ExecuteNonQueryAsync(CancellationToken.None);
            connection.UnprepareAll();
        }
        catch (NpgsqlException)
        {
            // Broken by now, and thrown away with that.
        }
    }

    private static bool TryRenew(NpgsqlDataSource database)
    {
        var last = Renewed.GetValue(database, static _ => new StrongBox<long>(long.MinValue));
        var now = Environment.TickCount64;
        var seen = Volatile.Read(ref last.Value);
        if ((seen != long.MinValue && now - seen < RenewEvery.TotalMilliseconds) || Interlocked.CompareExchange(ref last.Value, now, seen) != seen)
        {
            return false;
        }

        database.Clear();
        return true;
    }

    /// <summary>One try on one connection.</summary>
    internal sealed class Attempt(NpgsqlConnection connection)
    {
        public NpgsqlConnection Connection => connection;

        /// <summary>True: what is sent from here on may have taken effect although its answer is missing.</summary>
        public bool HasBegunToWrite { get; set; }
    }

    private sealed class StaleConnectionException(Exception found) : Exception(found.Message, found);
}
