using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace PointSystem.Notifications;

/// <summary>Healthy if the tables of notifications can be read: the database is there, has been migrated, and lets this process in.</summary>
internal sealed class DatabaseHealthCheck(NotificationStore store) : IHealthCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await store.FindCursorAsync(limit.Token);
            return HealthCheckResult.Healthy("The database answers.");
        }
        catch (Exception failure) when (failure is NpgsqlException or OperationCanceledException or IOException)
        {
            return HealthCheckResult.Unhealthy(failure is PostgresException refused ? refused.MessageText : "The database does not answer.");
        }
    }
}
