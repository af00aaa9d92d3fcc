using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Database
{
    private const string Points = "points";
    private const string ResourceName = "postgres";

    /// <summary>The database as the connection string <c>points</c>, healthy once somebody can log in.</summary>
    public static IResourceBuilder<ConnectionStringResource> AddPointDatabase(this IDistributedApplicationBuilder builder, Settings settings, bool containers)
    {
        var connectionString = settings.Cluster.ConnectionString is { } given ? builder.Given(given)
            : containers ? builder.Container(settings)
            : builder.Executable(settings);
        var pool = settings.Cluster.PoolSize.ToString(CultureInfo.InvariantCulture);
        var points = builder.AddConnectionString(Points, ReferenceExpression.Create($"{connectionString};Maximum Pool Size={pool};Timeout=5"));
        builder.Services.AddHealthChecks().AddAsyncCheck(Points, cancellationToken => AskAsync(points.Resource, cancellationToken));
        return points.WithHealthCheck(Points);
    }

    private static ReferenceExpression Given(this IDistributedApplicationBuilder builder, string connectionString)
    {
        // A secret parameter, so that its password is masked wherever it is shown.
        var parameter = builder.AddParameter("given-database", connectionString.TrimEnd(';'), secret: true);
        return ReferenceExpression.Create($"{parameter}");
    }

    private static ReferenceExpression Container(this IDistributedApplicationBuilder builder, Settings settings)
    {
        var database = builder.AddPostgres(ResourceName, password: builder.AddPassword(settings))
            .WithDataVolume(settings.VolumeFor(ResourceName))
            .WithArgs("-c", $"max_connections={settings.DatabaseConnections}")
            .AddDatabase("points-database", Points);
        return ReferenceExpression.Create($"{database}");
    }

    private static ReferenceExpression Executable(this IDistributedApplicationBuilder builder, Settings settings)
    {
        var port = Ports.Next();
        string[] options = ["--data", settings.DataDirectory, "--port", $"{port}", "--max-connections", $"{settings.DatabaseConnections}"];
        var endpoint = builder
            .AddExecutable(ResourceName, DotnetHost.Path, AppContext.BaseDirectory, [.. DotnetHost.Verb(PostgresCommand.Name, options)])
            .WithEndpoint(port: port, scheme: "tcp", name: "tcp", isProxied: false)
            .GetEndpoint("tcp");
        var password = builder.AddPassword(settings);
        var address = $"Username={PostgresServer.Owner};Database={PostgresServer.Database};Include Error Detail=true";
        return ReferenceExpression.Create(
            $"Host={endpoint.Property(EndpointProperty.IPV4Host)};Port={endpoint.Property(EndpointProperty.Port)};Password={password};{address}");
    }

    private static IResourceBuilder<ParameterResource> AddPassword(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter("postgres-password", settings.Secrets.PostgresPassword, secret: true);

    private static async Task<HealthCheckResult> AskAsync(ConnectionStringResource points, CancellationToken cancellationToken)
    {
        try
        {
            var text = await points.ConnectionStringExpression.GetValueAsync(cancellationToken);
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(text) { Pooling = false, Timeout = 2 }.ConnectionString);
            await connection.OpenAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException fault)
        {
            return HealthCheckResult.Unhealthy(fault.Message);
        }
    }
}
