using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Configuration;

/// <summary>Reads of <c>point_configs</c>.</summary>
internal static class ConfigStore
{
    /// <summary>All stored values at one moment.</summary>
    public static async Task<ConfigValues> ReadAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadOnceAsync(database, cancellationToken);
        }
        catch (NpgsqlException e) when (StaleConnections.IsSignOf(e))
        {
            // Every request needs these values; none should fail because the pool still holds connections from before the server's restart.
            database.Clear();
            return await ReadOnceAsync(database, cancellationToken);
        }
    }

    private static async Task<ConfigValues> ReadOnceAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("SELECT config_key, config_value FROM point_configs");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var stored = new List<KeyValuePair<string, string>>();
        while (await reader.ReadAsync(cancellationToken))
        {
            stored.Add(new(reader.GetString(0), reader.GetString(1)));
        }

        return new ConfigValues(stored);
    }
}
