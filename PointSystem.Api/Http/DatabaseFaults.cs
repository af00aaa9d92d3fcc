using System.Net.Sockets;
using Npgsql;

namespace PointSystem.Api.Http;

/// <summary>Tells "the database is away" from "we sent it something wrong".</summary>
internal static class DatabaseFaults
{
    private const string IdleInTransactionSessionTimeout = "25P03";

    // Connection exceptions; insufficient resources (disk full, out of memory, too many connections); operator intervention other than a cancelled
    // query (shutdowns, crash recovery, starting up, database dropped); errors of the server's own system, such as I/O.
    private static readonly string[] AwayClasses = ["08", "53", "57P", "58"];

    /// <summary>The row lock was not free within <c>lock_timeout</c>.</summary>
    public static bool IsLockTimeout(Exception exception) => Find<PostgresException>(exception) is { SqlState: PostgresErrorCodes.LockNotAvailable };

    /// <summary>
    /// The server ended the session because its transaction had been idle for too long: this process was paused, or its host was. Rolled back, for certain.
    /// </summary>
    public static bool IsIdleTimeout(Exception exception) => Find<PostgresException>(exception) is { SqlState: IdleInTransactionSessionTimeout };

    /// <summary>The server ended a statement because it ran too long or took too much memory or temporary space: a smaller one may do.</summary>
    public static bool IsStatementLimit(Exception exception) => Find<PostgresException>(exception) is
    {
        SqlState: PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.ConfigurationLimitExceeded
    };

    /// <summary>The work itself may be the cause, one member's rows for example: other work, or less of it, may do. False where the database is away.</summary>
    public static bool IsOfTheWork(Exception exception) =>
        exception is not OperationCanceledException && (IsStatementLimit(exception) || !IsAway(exception));

    /// <summary>
    /// Refused, broken, shutting down, starting up, out of connections, memory or disk, or too slow: trying again later may help.
    /// </summary>
    public static bool IsAway(Exception exception)
    {
        if (Find<PostgresException>(exception) is { } answered)
        {
            return answered.SqlState is PostgresErrorCodes.QueryCanceled
                or PostgresErrorCodes.ReadOnlySqlTransaction
                or IdleInTransactionSessionTimeout
                || AwayClasses.Any(prefix => answered.SqlState.StartsWith(prefix, StringComparison.Ordinal));
        }

        // The pool's own exhaustion comes as an NpgsqlException around a TimeoutException; what we stop waiting for ourselves, as the latter alone.
        return exception is TimeoutException
            || (Find<NpgsqlException>(exception) is { } failed
                && (failed.IsTransient || Find<TimeoutException>(failed) is not null || Find<SocketException>(failed) is not null || Find<IOException>(failed) is not null));
    }

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
