using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>The requirements on the database, checked once at start.</summary>
internal static class DatabaseRequirements
{
    // The replica starts even if the database is unavailable: it is then not ready.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Checks the database, if it answers.</summary>
    /// <exception cref="ConfigurationFaultException">
    /// The database cannot store the service's data, or always refuses its connections.
    /// </exception>
    public static async Task CheckAsync(NpgsqlDataSource database)
    {
        using var limited = new CancellationTokenSource(Limit);
        string? encoding;
        try
        {
            await using var command = database.CreateCommand("SELECT current_setting('server_encoding')");
            encoding = await command.ExecuteScalarAsync(limited.Token) as string;
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

        if (encoding is not (null or "UTF8"))
        {
            throw new ConfigurationFaultException(
                $"The database's encoding is {encoding}, which cannot store every text: create it with ENCODING 'UTF8' (and TEMPLATE template0).");
        }
    }
}
