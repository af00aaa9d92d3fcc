using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>The requirements on the database, checked once at start.</summary>
internal static partial class DatabaseRequirements
{
    // The third column is null for a user whom the server keeps from changing the ledger.
    private const string Question =
        """
        SELECT current_setting('server_encoding'), current_user::text, CASE
            WHEN rolsuper THEN 'a superuser'
            WHEN pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('point_ledger_entries')), 'MEMBER') THEN 'the owner of the ledger' END
        FROM pg_roles WHERE rolname = current_user
        """;

    // The replica starts even if the database is unavailable: it is then not ready.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Checks the database, if it answers.</summary>
    /// <param name="database">The database.</param>
    /// <param name="logger">Gets a warning if the user may change the ledger; null if it is meant to.</param>
    /// <exception cref="ConfigurationFaultException">
    /// The database cannot store the service's data, or always refuses its connections.
    /// </exception>
    public static async Task CheckAsync(NpgsqlDataSource database, ILogger? logger)
    {
        using var limited = new CancellationTokenSource(Limit);
        string encoding, user;
        string? power;
        try
        {
            await using var command = database.CreateCommand(Question);
            await using var reader = await command.ExecuteReaderAsync(limited.Token);
            await reader.ReadAsync(limited.Token);
            (encoding, user, power) = (reader.GetString(0), reader.GetString(1), reader.TextOrNull(2));
        }
        catch (Exception refused) when (DatabaseErrors.IsOptionsRefused(refused))
        {
            throw new ConfigurationFaultException(
                "The connection goes through PgBouncer, which refuses the startup parameter 'options': add 'No Reset On Close=true' to the connection string.");
        }
        catch (Exception e) when (DatabaseErrors.IsDocumented(e))
        {
            return;
        }

        if (encoding != "UTF8")
        {
            throw new ConfigurationFaultException(
                $"The database's encoding is {encoding}, which cannot store every text: create it with ENCODING 'UTF8' (and TEMPLATE template0).");
        }

        if (logger is not null && power is not null)
        {
            LogPowerful(logger, user, power, DatabaseRoles.Api);
        }
    }

    [LoggerMessage(
        EventId = 1601,
        Level = LogLevel.Warning,
        Message = "The database user {User} is {Power}, so the database cannot keep it from changing what has been written: "
            + "connect as a member of {Role} (docs/operations.md)")]
    private static partial void LogPowerful(ILogger logger, string user, string power, string role);
}
