using System.Data;
using System.Net.Sockets;
using Npgsql;
using PointSystem.Locking;

namespace PointSystem.Api.Persistence;

/// <summary>What an error of the database means. No other type reads an SQLSTATE or tells the exceptions of Npgsql apart.</summary>
internal static class DatabaseErrors
{
    private const string IdleInTransactionSessionTimeout = "25P03";
    private const string IdleSessionTimeout = "57P05";

    // Connection exceptions; insufficient resources (disk full, out of memory, too many connections); operator intervention other than a
    // cancelled query (shutdown, crash recovery, startup, database dropped); errors of the server's own system, such as I/O.
    private static readonly string[] AwayClasses = ["08", "53", "57P", "58"];

    /// <summary>
    /// Thrown by Npgsql as documented: an error of the server, a broken connection, a timeout, a cancellation. Anything else is a defect,
    /// ours or Npgsql's.
    /// </summary>
    public static bool IsDocumented(Exception exception) => exception is NpgsqlException or OperationCanceledException or IOException or TimeoutException;

    /// <summary>The row lock was not free within <c>lock_timeout</c>.</summary>
    public static bool IsLockTimeout(Exception exception) => StateOf(exception) is PostgresErrorCodes.LockNotAvailable;

    /// <summary>
    /// The server ended the session because its transaction had been idle for too long: this process was paused, or its host was. Rolled
    /// back, for certain.
    /// </summary>
    public static bool IsIdleTimeout(Exception exception) => StateOf(exception) is IdleInTransactionSessionTimeout;

    /// <summary>
    /// The server ended a statement because it ran too long or took too much memory or temporary space: a smaller one may succeed.
    /// </summary>
    public static bool IsStatementLimit(Exception exception) =>
        StateOf(exception) is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded;

    /// <summary>
    /// The work itself may be the cause, one member's rows for example: other work, or less of it, may succeed. False where the database
    /// is away.
    /// </summary>
    public static bool IsOfTheWork(Exception exception) =>
        exception is not OperationCanceledException && (IsStatementLimit(exception) || !IsAway(exception));

    /// <summary>
    /// Refused, broken, shutting down, starting up, read-only, out of connections, memory or disk, or too slow: trying again later may
    /// help.
    /// </summary>
    public static bool IsAway(Exception exception)
    {
        if (StateOf(exception) is { } state)
        {
            return state is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.ReadOnlySqlTransaction or IdleInTransactionSessionTimeout
                || AwayClasses.Any(prefix => state.StartsWith(prefix, StringComparison.Ordinal));
        }

        // The pool's own exhaustion comes as an NpgsqlException around a TimeoutException; what we stop waiting for ourselves, as the
        // latter alone.
        return exception is TimeoutException
            || (Find<NpgsqlException>(exception) is { } failed
                && (failed.IsTransient || Find<TimeoutException>(failed) is not null || Find<SocketException>(failed) is not null
                    || Find<IOException>(failed) is not null));
    }

    /// <summary>
    /// A request with one of the idempotency keys was answered since the answers were loaded (<c>LedgerWriter</c>). Rolled back.
    /// </summary>
    public static bool IsAnsweredMeanwhile(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.NotNullViolation, TableName: "idempotency_keys", ColumnName: "request_hash" };

    /// <summary>The schema lacks a table: it has never been migrated.</summary>
    public static bool IsSchemaMissing(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable };

    /// <summary>PgBouncer refuses the startup parameter <c>options</c>.</summary>
    public static bool IsRefusalOfOptions(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.ProtocolViolation } refused
        && refused.MessageText.Contains("startup parameter", StringComparison.Ordinal);

    /// <summary>Of a pooled connection: the server ended the session or restarted.</summary>
    public static bool IsGone(Exception exception) => exception switch
    {
        PostgresException answered => answered.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or IdleSessionTimeout,
        NpgsqlException failed => failed.IsTransient && failed.InnerException is not TimeoutException,
        _ => false,
    };

    /// <summary>Of a pooled connection: Npgsql takes a statement for prepared that the session does not know. Rolled back.</summary>
    public static bool IsForgetful(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.InvalidSqlStatementName };

    /// <summary>
    /// Of a pooled connection: Npgsql has forgotten the columns of a prepared statement. It throws a plain exception ("Received
    /// unexpected backend message ... Please file a bug") and breaks the connection.
    /// </summary>
    public static bool IsConfused(Exception exception, NpgsqlConnection connection) =>
        exception is not (NpgsqlException or OperationCanceledException) && connection.State != ConnectionState.Open;

    /// <summary>
    /// The session takes no writes. Of a pooled connection: it may have begun while the server was a standby. Rolled back.
    /// </summary>
    public static bool IsReadOnly(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

    /// <summary>What the failure of a batch of commands means for them.</summary>
    public static BatchFault FaultOf(Exception failure) => failure switch
    {
        _ when IsLockTimeout(failure) => BatchFault.Busy,

        // This process was paused between loading and writing. The server rolled back before it read any of what was sent then.
        _ when IsIdleTimeout(failure) => BatchFault.RolledBack,

        // Too much for one statement. One member's command may be the cause; in smaller batches the others succeed.
        _ when IsStatementLimit(failure) => BatchFault.RolledBack,
        _ when IsAway(failure) => BatchFault.Away,

        // The server has answered with an error, so the rest of the batch, its COMMIT too, was skipped.
        PostgresException => BatchFault.RolledBack,

        // The answer is missing: the COMMIT may have arrived.
        _ when IsDocumented(failure) => BatchFault.Unknown,

        // Thrown by our own code, while it decided or before it wrote.
        _ => BatchFault.RolledBack,
    };

    /// <summary>A sentence for the operator when the process cannot start because of it; null for what deserves its stack trace.</summary>
    public static string? DescribeAtStart(Exception exception) => exception switch
    {
        PostgresException { IsTransient: false } refused => $"The database refused: {refused.MessageText}",
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
