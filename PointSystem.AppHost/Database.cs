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
/// <param name="Standby">That of the replicas at the standby; null without one.</param>
internal sealed record PointDatabase(
    IResourceBuilder<ConnectionStringResource> Replicas, ReferenceExpression Notifier, ReferenceExpression Owner, ReferenceExpression? Standby);

/// <summary>The addresses of one kind of server.</summary>
internal sealed record PointServer(ReferenceExpression Replicas, ReferenceExpression Notifier, ReferenceExpression Owner, ReferenceExpression? Standby = null);

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
        if (settings.ReadReplica && (containers || settings.ConnectionString is not null))
        {
            throw new LocalException(
                "--read-replica makes a standby of a PostgreSQL that runs as a program of this machine (POINTSYSTEM_CONTAINERS=false): "
                + "for another one, set ConnectionStrings__points-standby of the replicas.");
        }

        var (replicas, notifier, owner, standby) = settings.ConnectionString is { } given ? builder.External(given, settings)
            : containers ? builder.Container(settings)
            : builder.Executable(settings);
        var pool = Settings.PoolSize.ToString(CultureInfo.InvariantCulture);
        var points = builder.AddConnectionString(Points, ReferenceExpression.Create($"{replicas};Maximum Pool Size={pool};Timeout=5"));
        var database = new PointDatabase(
            points.WithHealthCheck(Points), ReferenceExpression.Create($"{notifier};Timeout=5"), ReferenceExpression.Create($"{owner};Timeout=5"),
            standby is null ? null : ReferenceExpression.Create($"{standby};Maximum Pool Size={pool};Timeout=2"));
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

    /// <summary>Has a replica answer reads from the standby, if there is one. It does not wait for it: the primary is there.</summary>
    public static IResourceBuilder<ProjectResource> WithStandby(this IResourceBuilder<ProjectResource> api, PointDatabase database) =>
        database.Standby is { } standby ? api.WithEnvironment($"ConnectionStrings__{Points}-standby", standby) : api;

    private static PointServer External(
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
        return new PointServer(all, all, all);
    }

    private static PointServer Container(this IDistributedApplicationBuilder builder, Settings settings)
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
        return new PointServer(
            AddressOf(builder.AddUser(DatabaseUser.Replica, "replica", settings), DatabaseUser.Replica, address),
            AddressOf(builder.AddUser(DatabaseUser.Notifier, "notifier", settings), DatabaseUser.Notifier, address),
            ReferenceExpression.Create($"{database}"));
    }

    private static IResourceBuilder<ParameterResource> AddUser(
        this IDistributedApplicationBuilder builder, DatabaseUser user, string name, Settings settings) =>
        builder.AddParameter($"postgres-{name}-password", user.PasswordFrom(settings.Secrets.PostgresPassword), secret: true);

    private static ReferenceExpression AddressOf(IResourceBuilder<ParameterResource> password, DatabaseUser user, ReferenceExpression address) =>
        ReferenceExpression.Create($"{address};Username={user.Name};Password={password};Database={PostgresServer.Database}");

    /// <summary>Adds a standby of the local server, which is copied anew at each start.</summary>
    /// <returns>Its address.</returns>
    private static ReferenceExpression AddStandby(
        this IDistributedApplicationBuilder builder, Settings settings, IResourceBuilder<ExecutableResource> primary, int primaryPort,
        IResourceBuilder<ParameterResource> password)
    {
        const string name = $"{Server}-standby";
        var port = Ports.Next();
        string[] options =
        [
            "--data", Path.Combine(settings.Data, "standby"), "--port", $"{port}", "--max-connections", $"{settings.DatabaseConnections}",
            "--standby-of", $"{primaryPort}",
        ];
        settings.Parts["standby"] = $"follows {Server}, port {port}";
        builder
            .AddExecutable(name, DotnetHost.Path, AppContext.BaseDirectory, [.. DotnetHost.Verb(PostgresCommand.Name, options)])
            .WithEndpoint(port: port, scheme: "tcp", name: "tcp", isProxied: false)
            .WithEnvironment(PostgresCommand.PrimaryPasswordVariable, password)
            .WithIconName("DatabaseMultiple")
            .WaitFor(primary)
            .KeepRunning();
        return ReferenceExpression.Create($"Host=127.0.0.1;Port={port.ToString(CultureInfo.InvariantCulture)};Include Error Detail=true");
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

    private static PointServer Executable(this IDistributedApplicationBuilder builder, Settings settings)
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
        var replica = builder.AddUser(DatabaseUser.Replica, "replica", settings);
        return new PointServer(
            AddressOf(replica, DatabaseUser.Replica, address),
            AddressOf(builder.AddUser(DatabaseUser.Notifier, "notifier", settings), DatabaseUser.Notifier, address),
            owner,
            settings.ReadReplica ? AddressOf(replica, DatabaseUser.Replica, builder.AddStandby(settings, server, port, password)) : null);
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
