using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Database
{
    /// <summary>Name of the connection string and of the database.</summary>
    public const string Points = "points";

    /// <summary>Name of the server's resource.</summary>
    public const string Server = "postgres";

    // Pinned: only this major version can read the data in the volume, and the volume's mount path depends on it.
    private const int ContainerMajor = 18;
    private const string ContainerTag = "18.3";

    /// <summary>Adds the database as the connection string <c>points</c>, healthy once it accepts a login.</summary>
    /// <exception cref="LocalException">PostgreSQL is missing and cannot be downloaded, or the installed one cannot read the
    /// data.</exception>
    public static IResourceBuilder<ConnectionStringResource> AddPointDatabase(this IDistributedApplicationBuilder builder, Settings settings, bool containers)
    {
        var connectionString = settings.ConnectionString is { } given ? builder.External(given, settings)
            : containers ? builder.Container(settings)
            : builder.Executable(settings);
        var pool = Settings.PoolSize.ToString(CultureInfo.InvariantCulture);
        var points = builder.AddConnectionString(Points, ReferenceExpression.Create($"{connectionString};Maximum Pool Size={pool};Timeout=5"));
        builder.Services.AddHealthChecks().AddAsyncCheck(Points, cancellationToken => CheckAsync(points.Resource, cancellationToken));
        return points.WithHealthCheck(Points);
    }

    private static ReferenceExpression External(this IDistributedApplicationBuilder builder, string connectionString, Settings settings)
    {
        ExternalDatabase.Check(connectionString);
        settings.Parts[Server] = "the PostgreSQL of the given connection string";
        // A secret parameter, so that the password is masked wherever it is shown.
        var parameter = builder.AddParameter("given-database", connectionString.TrimEnd(';'), secret: true);
        return ReferenceExpression.Create($"{parameter}");
    }

    private static ReferenceExpression Container(this IDistributedApplicationBuilder builder, Settings settings)
    {
        RequireMajor(Path.Combine(settings.Data, "postgres-volume.major"), settings.VolumeFor(Server));
        settings.Parts[Server] = $"PostgreSQL {ContainerTag} (container)";
        var database = builder.AddPostgres(Server, password: builder.AddPassword(settings))
            .WithImageTag(ContainerTag)
            .WithDataVolume(settings.VolumeFor(Server))
            .WithArgs("-c", $"max_connections={settings.DatabaseConnections}")
            .KeepRunning()
            .AddDatabase("points-database", Points);
        return ReferenceExpression.Create($"{database}");
    }

    /// <summary>
    /// Checks the volume's PostgreSQL version by a file of our own, because the volume's version cannot be read without starting a
    /// container.
    /// </summary>
    private static void RequireMajor(string file, string volume)
    {
        var here = ContainerMajor.ToString(CultureInfo.InvariantCulture);
        if (File.Exists(file) && File.ReadAllText(file).Trim() is var made && made != here)
        {
            throw new LocalException(
                $"The volume {volume} was created by PostgreSQL {made}; PostgreSQL {here}, which is used now, cannot open it: "
                + $"dump it with a PostgreSQL {made} container and restore it into an empty one, or start again with --fresh, which creates a new volume.");
        }
        File.WriteAllText(file, here);
    }

    private static ReferenceExpression Executable(this IDistributedApplicationBuilder builder, Settings settings)
    {
        // Found, downloaded and checked here, so that a missing program is reported in one sentence before anything runs.
        var postgres = Path.Combine(settings.Data, Server);
        var binaries = PostgresChoice.ChooseAsync(PostgresChoice.FromEnvironment, postgres, Console.WriteLine, CancellationToken.None).GetAwaiter().GetResult();
        binaries.RequireMatches(postgres);
        settings.Parts[Server] = binaries.Description;
        var port = Ports.Next();
        string[] options = ["--data", settings.Data, "--port", $"{port}", "--max-connections", $"{settings.DatabaseConnections}"];
        var server = builder
            .AddExecutable(Server, DotnetHost.Path, AppContext.BaseDirectory, [.. DotnetHost.Verb(PostgresCommand.Name, options)])
            .WithEndpoint(port: port, scheme: "tcp", name: "tcp", isProxied: false)
            .WithIconName("DatabaseMultiple")
            .KeepRunning();
        var endpoint = server.GetEndpoint("tcp");
        var password = builder.AddPassword(settings);
        var address = $"Username={PostgresServer.Owner};Database={PostgresServer.Database};Include Error Detail=true";
        var connectionString = ReferenceExpression.Create(
            $"Host={endpoint.Property(EndpointProperty.IPV4Host)};Port={endpoint.Property(EndpointProperty.Port)};Password={password};{address}");
        builder.Services.AddHealthChecks().AddAsyncCheck(Server, cancellationToken => CheckAsync(connectionString, cancellationToken));
        server.WithHealthCheck(Server);
        return connectionString;
    }

    private static IResourceBuilder<ParameterResource> AddPassword(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter("postgres-password", settings.Secrets.PostgresPassword, secret: true);

    private static async Task<HealthCheckResult> CheckAsync(IValueProvider connectionString, CancellationToken cancellationToken)
    {
        try
        {
            var text = await connectionString.GetValueAsync(cancellationToken);
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
