using System.Net.Sockets;
using Npgsql;

namespace PointSystem.Local.Postgres;

/// <summary>A database that the user specifies, used instead of our own server.</summary>
internal static class ExternalDatabase
{
    /// <summary>Checks the connection string by connecting.</summary>
    /// <exception cref="LocalException">It is malformed, or the database cannot be reached.</exception>
    public static void Check(string connectionString)
    {
        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (ArgumentException e)
        {
            throw new LocalException(
                $"The connection string is not a valid Npgsql connection string ({e.Message.TrimEnd('.')}): "
                + "write it like \"Host=...;Username=...;Password=...;Database=...\".", e);
        }
        var where = $"{builder.Host}:{builder.Port}";
        try
        {
            using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Timeout = 5 }.ConnectionString);
            connection.Open();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            throw new LocalException($"There is no database {builder.Database} on {where}: create it, or use another one in the connection string.", e);
        }
        catch (PostgresException e)
        {
            throw new LocalException($"PostgreSQL on {where} refuses the connection string ({e.MessageText}): "
                + "correct the user, the password or the database.", e);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException or ArgumentException)
        {
            throw new LocalException($"No PostgreSQL answers on {where} ({e.Message.TrimEnd('.')}): start it, or correct the connection string.", e);
        }
    }
}
