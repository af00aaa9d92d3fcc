using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using PointSystem.Local;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

/// <summary>The database as the processes see it.</summary>
/// <param name="Replicas">The connection string of the replicas.</param>
/// <param name="Notifier">That of the service that sends notifications.</param>
/// <param name="Owner">That of the user that migrates.</param>
internal sealed record PointDatabase(
    IResourceBuilder<ConnectionStringResource> Replicas, ReferenceExpression Notifier, ReferenceExpression Owner);

internal static class Database
{
    /// <summary>Name of the connection string and of the database.</summary>
    public const string Points = "points";

    /// <summary>Name of the server's resource.</summary>
    public const string Server = "postgres";

    // Pinned: only this major version can read the data in the volume, and the volume's mount path depends on it.
    private const int ContainerMajor = 18;
    private const string ContainerTag = "18.3";

    /// <summary>
    /// Adds the database: for the replicas as the connection string <c>points</c>, healthy once it accepts their login, and for the migration
    /// as the owner's. In a given database both are the given user, because we create no login on a server that is not ours.
    /// </summary>
    /// <exception cref="LocalException">PostgreSQL is missing and cannot be downloaded, or the installed one cannot read the
    /// data.</exception>
    public static PointDatabase AddPointDatabase(this IDistributedApplicationBuilder builder, Settings settings, bool containers)
    {
        var (replicas, notifier, owner) = settings.ConnectionString is { } given ? builder.External(given, settings)
            : containers ? builder.Container(settings)
            : builder.Executable(settings);
        var pool = Settings.PoolSize.ToString(CultureInfo.InvariantCulture);
        var points = builder.AddConnectionString(Points, ReferenceExpression.Create($"{replicas};Maximum Pool Size={pool};Timeout=5"));
        var database = new PointDatabase(
            points.WithHealthCheck(Points), ReferenceExpression.Create($"{notifier};Timeout=5"), ReferenceExpression.Create($"{owner};Timeout=5"));
        var isEnsured = replicas == owner;
        builder.Services.AddHealthChecks().AddAsyncCheck(Points, async cancellationToken =>
        {
            var health = isEnsured ? HealthCheckResult.Healthy() : await TryAsync(EnsureAsync);
            return health.Status == HealthStatus.Healthy ? await CheckAsync(points.Resource, cancellationToken) : health;

            async Task EnsureAsync()
            {
                var ownersAddress = (await database.Owner.GetValueAsync(cancellationToken))!;
                await DatabaseUser.Replica.EnsureAsync(ownersAddress, cancellationToken);
                await DatabaseUser.Notifier.EnsureAsync(ownersAddress, cancellationToken);
                isEnsured = true;
            }
        });
        return database;
    }

    /// <summary>Has a process use the database as its owner.</summary>
    public static IResourceBuilder<ProjectResource> WithOwner(this IResourceBuilder<ProjectResource> migrations, PointDatabase database) => migrations
        .WithEnvironment($"ConnectionStrings__{Points}", database.Owner)
        .WaitFor(database.Replicas);

    private static (ReferenceExpression Replicas, ReferenceExpression Notifier, ReferenceExpression Owner) External(
        this IDistributedApplicationBuilder builder, string connectionString, Settings settings)
    {
        ExternalDatabase.Check(connectionString);
        if (settings.IsConnectionStringVisible && new NpgsqlConnectionStringBuilder(connectionString).Password is { Length: > 0 })
        {
            Console.Error.WriteLine(
                "Every user of this machine can read the password in --connection-string: rather set the environment variable ConnectionStrings__points.");
        }
        settings.Parts[Server] = "the PostgreSQL of the given connection string";
        // A secret parameter, so that the password is masked wherever it is shown.
        var parameter = builder.AddParameter("given-database", connectionString.TrimEnd(';'), secret: true);
        var all = ReferenceExpression.Create($"{parameter}");
        return (all, all, all);
    }

    private static (ReferenceExpression Replicas, ReferenceExpression Notifier, ReferenceExpression Owner) Container(this IDistributedApplicationBuilder builder, Settings settings)
    {
        RequireMajor(Path.Combine(settings.Data, "postgres-volume.major"), settings.VolumeFor(Server));
        settings.Parts[Server] = $"PostgreSQL {ContainerTag} (container)";
        var server = builder.AddPostgres(Server, password: builder.AddPassword(settings))
            .WithImageTag(ContainerTag)
            .WithDataVolume(settings.VolumeFor(Server))
            .WithArgs("-c", $"max_connections={settings.DatabaseConnections}")
            .KeepRunning();
        var database = server.AddDatabase("points-database", Points);
        var endpoint = server.Resource.PrimaryEndpoint;
        var address = ReferenceExpression.Create($"Host={endpoint.Property(EndpointProperty.Host)};Port={endpoint.Property(EndpointProperty.Port)}");
        return (
            builder.AddressOf(DatabaseUser.Replica, "replica", settings, address), builder.AddressOf(DatabaseUser.Notifier, "notifier", settings, address),
            ReferenceExpression.Create($"{database}"));
    }

    private static ReferenceExpression AddressOf(
        this IDistributedApplicationBuilder builder, DatabaseUser user, string name, Settings settings, ReferenceExpression address)
    {
        var password = builder.AddParameter($"postgres-{name}-password", user.PasswordFrom(settings.Secrets.PostgresPassword), secret: true);
        return ReferenceExpression.Create($"{address};Username={user.Name};Password={password};Database={PostgresServer.Database}");
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

    private static (ReferenceExpression Replicas, ReferenceExpression Notifier, ReferenceExpression Owner) Executable(this IDistributedApplicationBuilder builder, Settings settings)
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
        var address = ReferenceExpression.Create(
            $"Host={endpoint.Property(EndpointProperty.IPV4Host)};Port={endpoint.Property(EndpointProperty.Port)};Include Error Detail=true");
        var owner = ReferenceExpression.Create($"{address};Username={PostgresServer.Owner};Password={password};Database={PostgresServer.Database}");
        builder.Services.AddHealthChecks().AddAsyncCheck(Server, cancellationToken => CheckAsync(owner, cancellationToken));
        server.WithHealthCheck(Server);
        return (
            builder.AddressOf(DatabaseUser.Replica, "replica", settings, address), builder.AddressOf(DatabaseUser.Notifier, "notifier", settings, address), owner);
    }

    private static IResourceBuilder<ParameterResource> AddPassword(this IDistributedApplicationBuilder builder, Settings settings) =>
        builder.AddParameter("postgres-password", settings.Secrets.PostgresPassword, secret: true);

    private static Task<HealthCheckResult> CheckAsync(IValueProvider connectionString, CancellationToken cancellationToken) => TryAsync(async () =>
    {
        var text = await connectionString.GetValueAsync(cancellationToken);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(text) { Pooling = false, Timeout = 2 }.ConnectionString);
        await connection.OpenAsync(cancellationToken);
    });

    private static async Task<HealthCheckResult> TryAsync(Func<Task> attempt)
    {
        try
        {
            await attempt();
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException fault)
        {
            return HealthCheckResult.Unhealthy(fault.Message);
        }
    }
}
