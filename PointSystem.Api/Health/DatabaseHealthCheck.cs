using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Health;

/// <summary>The database answers, and its schema has everything this build counts on.</summary>
internal sealed class DatabaseHealthCheck(NpgsqlDataSource database, IServiceScopeFactory scopes) : IHealthCheck
{
    /// <summary>Longest a check takes; by then it has failed.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly Lazy<string> _expected = new(() => LastMigration(scopes));

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Limit);
        try
        {
            // Waited for from outside too: to cancel a query on a server that does not answer can itself take seconds.
            return await AskAsync(limited.Token).WaitAsync(Limit, cancellationToken);
        }
        catch (PostgresException missing) when (missing.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            return HealthCheckResult.Unhealthy("The database has no schema yet: run the migrations.");
        }
        catch (Exception failure) when (failure is NpgsqlException or TimeoutException or OperationCanceledException)
        {
            // Without the exception: its text can name hosts and users, and this answer is open to everybody.
            return HealthCheckResult.Unhealthy("The database does not answer.");
        }
    }

    private async Task<HealthCheckResult> AskAsync(CancellationToken cancellationToken)
    {
        // "Contains" rather than "ends with": during a rolling deployment a newer build may have migrated already.
        await using var command = database.CreateCommand("""SELECT 1 FROM "__EFMigrationsHistory" WHERE "MigrationId" = $1""");
        command.Parameters.Add(new NpgsqlParameter { Value = _expected.Value });
        return await command.ExecuteScalarAsync(cancellationToken) is null
            ? HealthCheckResult.Unhealthy($"The schema lacks the migration {_expected.Value}: run the migrations.")
            : HealthCheckResult.Healthy("The database answers, and its schema is up to date.");
    }

    private static string LastMigration(IServiceScopeFactory scopes)
    {
        using var scope = scopes.CreateScope();
        return scope.ServiceProvider.GetRequiredService<PointDbContext>().Database.GetService<IMigrationsAssembly>().Migrations.Keys.Last();
    }
}
