using Npgsql;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Statements that tests execute on a database directly.</summary>
internal static class DatabaseExtensions
{
    /// <param name="database">The database.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="values">The values of <c>$1</c> and so on.</param>
    public static async Task ExecuteAsync(this NpgsqlDataSource database, string sql, params IReadOnlyList<object> values)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        await command.ExecuteNonQueryAsync(Token);
    }

    /// <summary>Executes a statement that the service may not execute, on a connection of its own.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public static async Task ExecuteAsOwnerAsync(this NpgsqlDataSource database, string sql, params IReadOnlyList<object> values)
    {
        await using var owner = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(PointsDatabase.AsOwner(database.ConnectionString)) { Pooling = false });
        await owner.ExecuteAsync(sql, values);
    }

    /// <summary>Ends all other sessions in the database.</summary>
    public static Task EndOtherSessionsAsync(this NpgsqlDataSource database) => database.ExecuteAsOwnerAsync(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

    /// <summary>Stores a value of the run-time configuration.</summary>
    public static Task SetConfigAsync(this NpgsqlDataSource database, string key, string value) => database.ExecuteAsync(
        """
        INSERT INTO point_configs (config_key, config_value, updated_at, updated_by) VALUES ($1, $2, now(), 'test')
        ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value
        """,
        key, value);

    /// <summary>Another data source on the same database, without a pool, for a test that breaks the pooled connections.</summary>
    public static NpgsqlDataSource Unpooled(this NpgsqlDataSource database, string? options = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false };
        settings.Options = options ?? settings.Options;
        return NpgsqlDataSource.Create(settings);
    }
}
