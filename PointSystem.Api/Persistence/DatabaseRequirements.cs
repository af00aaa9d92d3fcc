using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>What a database must be, wherever it comes from; asked once, at start.</summary>
internal static class DatabaseRequirements
{
    // A database that is away is no reason not to start: the replica then says that it is not ready.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Checks the database if it answers.</summary>
    /// <exception cref="ConfigurationFaultException">It cannot hold the service's data, or refuses its connections for good.</exception>
    public static async Task CheckAsync(NpgsqlDataSource database)
    {
        using var limited = new CancellationTokenSource(Limit);
        string? encoding;
        try
        {
            await using var command = database.CreateCommand("SELECT current_setting('server_encoding')");
            encoding = await command.ExecuteScalarAsync(limited.Token) as string;
        }
        catch (Exception refused) when (DatabaseErrors.IsRefusalOfOptions(refused))
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
                $"The database's encoding is {encoding}, which cannot hold every text: create it with ENCODING 'UTF8' (and TEMPLATE template0).");
        }
    }
}
