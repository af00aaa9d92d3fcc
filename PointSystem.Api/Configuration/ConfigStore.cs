using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Configuration;

/// <summary>Reads of <c>point_configs</c>.</summary>
internal static class ConfigStore
{
    /// <summary>All stored values, read in one statement.</summary>
    public static Task<ConfigValues> ReadAsync(NpgsqlDataSource database, CancellationToken cancellationToken) =>
        database.RunAsync(connection => ReadAsync(connection, cancellationToken), cancellationToken);

    private static async Task<ConfigValues> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT config_key, config_value FROM point_configs", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var stored = new List<KeyValuePair<string, string>>();
        while (await reader.ReadAsync(cancellationToken))
        {
            stored.Add(new(reader.GetString(0), reader.GetString(1)));
        }

        return new ConfigValues(stored);
    }
}
