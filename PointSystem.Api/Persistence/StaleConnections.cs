using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>Connections of the pool that died while nobody used them, because the server restarted: they are found out by their next user.</summary>
internal static class StaleConnections
{
    /// <summary>Whether the first statement on a connection failed because the connection was gone; another one may then be tried.</summary>
    public static bool IsSignOf(NpgsqlException failure) =>
        failure is PostgresException answered
            ? answered.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown
            : failure.IsTransient && failure.InnerException is not TimeoutException;
}
