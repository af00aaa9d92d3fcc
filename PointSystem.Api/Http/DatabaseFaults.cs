using System.Net.Sockets;
using Npgsql;

namespace PointSystem.Api.Http;

/// <summary>Tells "the database is away" from "we sent it something wrong".</summary>
internal static class DatabaseFaults
{
    /// <summary>The row lock was not free within <c>lock_timeout</c>.</summary>
    public static bool IsLockTimeout(Exception exception) => Find<PostgresException>(exception) is { SqlState: PostgresErrorCodes.LockNotAvailable };

    /// <summary>Refused, broken, shutting down, starting up, out of connections or too slow: trying again later may help.</summary>
    public static bool IsAway(Exception exception)
    {
        if (Find<PostgresException>(exception) is { } answered)
        {
            return answered.SqlState is PostgresErrorCodes.AdminShutdown
                or PostgresErrorCodes.CrashShutdown
                or PostgresErrorCodes.CannotConnectNow
                or PostgresErrorCodes.TooManyConnections
                or PostgresErrorCodes.QueryCanceled
                or PostgresErrorCodes.ReadOnlySqlTransaction
                || answered.SqlState.StartsWith("08", StringComparison.Ordinal);
        }

        // The pool's own exhaustion comes as an NpgsqlException around a TimeoutException.
        return Find<NpgsqlException>(exception) is { } failed
            && (failed.IsTransient || Find<TimeoutException>(failed) is not null || Find<SocketException>(failed) is not null || Find<IOException>(failed) is not null);
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
