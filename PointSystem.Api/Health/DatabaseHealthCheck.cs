using System.Reflection;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Health;

/// <summary>Healthy if the database answers, accepts writes, and has the last migration of this build.</summary>
internal sealed class DatabaseHealthCheck([FromKeyedServices(DatabasePools.ControlPool)] NpgsqlDataSource database) : IHealthCheck
{
    /// <summary>Maximum time of a check; after it, the check has failed.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private static readonly string Expected = LastMigration();

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Limit);
        try
        {
            // WaitAsync as well: cancelling a query on a server that does not answer can itself take seconds.
            return await AskAsync(limited.Token).WaitAsync(Limit, cancellationToken);
        }
        catch (Exception missing) when (DatabaseErrors.IsSchemaMissing(missing))
        {
            return HealthCheckResult.Unhealthy("The database has no schema yet: run the migrations.");
        }
        catch (Exception forbidden) when (DatabaseErrors.IsForbidden(forbidden))
        {
            return HealthCheckResult.Unhealthy(
                $"The user of the database has no rights to its tables: make it a member of {DatabaseRoles.Api}, and run the migrations.");
        }
        catch (Exception failure) when (DatabaseErrors.IsDocumented(failure))
        {
            // Without the exception: its text can name hosts and users, and this answer is public.
            return HealthCheckResult.Unhealthy("The database does not answer.");
        }
    }

    private async Task<HealthCheckResult> AskAsync(CancellationToken cancellationToken)
    {
        var (isReadOnly, isMigrated) = await database.RunAsync(connection => AskAsync(connection, cancellationToken), cancellationToken);
        if (isReadOnly)
        {
            // A session keeps the default it started with. A new session shows whether the database is still read-only.
            database.Clear();
            (isReadOnly, isMigrated) = await database.RunAsync(connection => AskAsync(connection, cancellationToken), cancellationToken);
        }

        return isReadOnly ? HealthCheckResult.Unhealthy("The database is read-only: a standby, or one whose role or settings forbid writing.")
            : isMigrated ? HealthCheckResult.Healthy("The database answers, and its schema is up to date.")
            : HealthCheckResult.Unhealthy($"The schema lacks the migration {Expected}: run the migrations.");
    }

    private static async Task<(bool IsReadOnly, bool IsMigrated)> AskAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // "Contains" rather than "ends with": during a rolling deployment a newer build may have migrated already.
        await using var command = new NpgsqlCommand(
            """
            SELECT current_setting('transaction_read_only')::boolean, EXISTS (SELECT FROM "__EFMigrationsHistory" WHERE "MigrationId" = $1)
            """,
            connection);
        command.Parameters.Add(new NpgsqlParameter { Value = Expected });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetBoolean(0), reader.GetBoolean(1));
    }

    /// <summary>Read from the assembly: EF would build its whole model for this one string, at the first probe.</summary>
    private static string LastMigration() => typeof(PointDbContext).Assembly.GetTypes()
        .Select(type => type.GetCustomAttribute<MigrationAttribute>()?.Id).OfType<string>().Order(StringComparer.Ordinal).Last();
}
