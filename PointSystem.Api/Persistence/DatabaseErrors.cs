using System.Data;
using System.Net.Sockets;
using Npgsql;
using PointSystem.Locking;

namespace PointSystem.Api.Persistence;

/// <summary>Classifies the errors of the database. No other type reads an SQLSTATE or distinguishes the exceptions of Npgsql.</summary>
internal static class DatabaseErrors
{
    private const string IdleInTransactionSessionTimeout = "25P03";
    private const string IdleSessionTimeout = "57P05";

    // Connection exceptions; insufficient resources (disk full, out of memory, too many connections); operator intervention other than a
    // cancelled query (shutdown, crash recovery, startup, database dropped); system errors of the server, such as I/O.
    private static readonly string[] UnavailableClasses = ["08", "53", "57P", "58"];

    /// <summary>
    /// An exception that Npgsql documents: a server error, a broken connection, a timeout, a cancellation. Anything else is a defect,
    /// ours or Npgsql's.
    /// </summary>
    public static bool IsDocumented(Exception exception) => exception is NpgsqlException or OperationCanceledException or IOException or TimeoutException;

    /// <summary>The row lock was not acquired within <c>lock_timeout</c>.</summary>
    public static bool IsLockTimeout(Exception exception) => StateOf(exception) is PostgresErrorCodes.LockNotAvailable;

    /// <summary>
    /// The server ended the session because its transaction was idle for too long: this process or its host was paused. Certainly rolled
    /// back.
    /// </summary>
    public static bool IsIdleTimeout(Exception exception) => StateOf(exception) is IdleInTransactionSessionTimeout;

    /// <summary>
    /// The server ended a statement because it ran too long or used too much memory or temporary space: a smaller one may succeed.
    /// </summary>
    public static bool IsStatementLimit(Exception exception) =>
        StateOf(exception) is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded;

    /// <summary>
    /// The work itself may be the cause, for example the rows of one member: other work, or less of it, may succeed. False if the
    /// database is unavailable.
    /// </summary>
    public static bool IsWorkFault(Exception exception) =>
        exception is not OperationCanceledException && (IsStatementLimit(exception) || !IsUnavailable(exception));

    /// <summary>
    /// The database is unavailable: connection refused or broken, shutting down, starting up, read-only, out of connections, memory or
    /// disk, or too slow. A later attempt may succeed.
    /// </summary>
    public static bool IsUnavailable(Exception exception)
    {
        if (StateOf(exception) is { } state)
        {
            return state is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.ReadOnlySqlTransaction or IdleInTransactionSessionTimeout
                || UnavailableClasses.Any(prefix => state.StartsWith(prefix, StringComparison.Ordinal));
        }

        // An exhausted pool throws an NpgsqlException with an inner TimeoutException; our own timeouts are a plain TimeoutException.
        return exception is TimeoutException
            || (Find<NpgsqlException>(exception) is { } failed
                && (failed.IsTransient || Find<TimeoutException>(failed) is not null || Find<SocketException>(failed) is not null
                    || Find<IOException>(failed) is not null));
    }

    /// <summary>
    /// A request with one of the idempotency keys got its answer after the answers were loaded (<c>LedgerWriter</c>). Rolled back.
    /// </summary>
    public static bool IsAlreadyAnswered(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.NotNullViolation, TableName: "idempotency_answers", ColumnName: "request_hash" };

    /// <summary>The schema lacks a table: it has never been migrated.</summary>
    public static bool IsSchemaMissing(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable };

    /// <summary>The user of the connection string lacks a right.</summary>
    public static bool IsForbidden(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege };

    /// <summary>PgBouncer refuses the startup parameter <c>options</c>.</summary>
    public static bool IsOptionsRefused(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.ProtocolViolation } refused
        && refused.MessageText.Contains("startup parameter", StringComparison.Ordinal);

    /// <summary>For a pooled connection: the server ended the session or restarted.</summary>
    public static bool IsSessionEnded(Exception exception) => exception switch
    {
        PostgresException answered => answered.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or IdleSessionTimeout,
        NpgsqlException failed => failed.IsTransient && failed.InnerException is not TimeoutException,
        _ => false,
    };

    /// <summary>For a pooled connection: Npgsql used a prepared statement that the session does not know. Rolled back.</summary>
    public static bool IsUnknownStatement(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.InvalidSqlStatementName };

    /// <summary>
    /// For a pooled connection: Npgsql has lost the columns of a prepared statement. It throws a plain exception ("Received
    /// unexpected backend message ... Please file a bug") and breaks the connection.
    /// </summary>
    public static bool HasLostColumns(Exception exception, NpgsqlConnection connection) =>
        exception is not (NpgsqlException or OperationCanceledException) && connection.State != ConnectionState.Open;

    /// <summary>
    /// The session accepts no writes. For a pooled connection: it may have started while the server was a standby. Rolled back.
    /// </summary>
    public static bool IsReadOnly(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

    /// <summary>A standby cancelled a query because it had to replay a change of the rows that the query could still see.</summary>
    public static bool IsReplayConflict(Exception exception) => StateOf(exception) is PostgresErrorCodes.SerializationFailure;

    /// <summary>What a failure means for the commands of a batch.</summary>
    public static BatchFault FaultOf(Exception failure) => failure switch
    {
        _ when IsLockTimeout(failure) => BatchFault.Busy,

        // This process was paused between loading and writing. The server rolled back before it read any later statement.
        _ when IsIdleTimeout(failure) => BatchFault.RolledBack,

        // Too much for one statement. The command of one member may be the cause; in smaller batches the others succeed.
        _ when IsStatementLimit(failure) => BatchFault.RolledBack,
        _ when IsUnavailable(failure) => BatchFault.Away,

        // The server answered with an error, so the rest of the batch, including its COMMIT, was skipped.
        PostgresException => BatchFault.RolledBack,

        // The answer is missing: the COMMIT may have arrived.
        _ when IsDocumented(failure) => BatchFault.Unknown,

        // Thrown by our own code before the write.
        _ => BatchFault.RolledBack,
    };

    /// <summary>
    /// A sentence for the operator if the process cannot start because of the error; null for an error that needs its stack trace.
    /// </summary>
    public static string? DescribeAtStart(Exception exception) => exception switch
    {
        PostgresException { IsTransient: false } refused => $"The database returned an error: {refused.MessageText}",
        NpgsqlException { InnerException: SocketException socket } => $"The database cannot be reached: {socket.Message}.",
        _ => null,
    };

    private static string? StateOf(Exception exception) => Find<PostgresException>(exception)?.SqlState;

    private static T? Find<T>(Exception? exception)
        where T : Exception
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is T found)
            {
                return found;
            }
        }

        return null;
    }
}
