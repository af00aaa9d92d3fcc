using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>Connections of the pool that died while nobody used them, because the server restarted, or are of no use any more: they are found out by their next user.</summary>
internal static class StaleConnections
{
    /// <summary>Whether the first statement on a connection failed because the connection was gone; another one may then be tried.</summary>
    public static bool IsSignOf(NpgsqlException failure) =>
        failure is PostgresException answered
            ? answered.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown || IsForgetful(answered)
            : failure.IsTransient && failure.InnerException is not TimeoutException;

    /// <summary>
    /// The session does not know a statement that the client takes for prepared: Npgsql's books can come to say so when a lock timeout ends a batch that was preparing
    /// others. The server has rolled back; on that connection it would do so for ever.
    /// </summary>
    public static bool IsForgetful(PostgresException failure) => failure.SqlState == PostgresErrorCodes.InvalidSqlStatementName;
}
