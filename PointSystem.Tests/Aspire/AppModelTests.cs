using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.IdentityModel.JsonWebTokens;

namespace PointSystem.Tests.Aspire;

/// <summary>The resources that the app host would start, without starting them.</summary>
public sealed class AppModelTests : IDisposable
{
    private readonly string _data = ClusterFixture.NewDataDirectory();

    [Fact]
    public async Task WithContainers_FiveReplicas_HasVolumesConnectionsForEveryPoolAndAMatchingRedis()
    {
        var builder = await CreateAsync("--replicas", "5");

        var postgres = builder.Resources.OfType<PostgresServerResource>().Single();
        var redis = builder.Resources.OfType<RedisResource>().Single();
        var volume = VolumeOf(postgres);
        Assert.StartsWith("pointsystem-postgres-", volume.Source, StringComparison.Ordinal);
        // Images from version 18 on keep their data here, so the tag has to be known before the volume is mounted.
        Assert.Equal("/var/lib/postgresql", volume.Target);
        Assert.StartsWith("18", postgres.Annotations.OfType<ContainerImageAnnotation>().Single().Tag, StringComparison.Ordinal);
        Assert.StartsWith("pointsystem-redis-", VolumeOf(redis).Source, StringComparison.Ordinal);
        // Five pools of 30, plus 10 for notifications and a reserve of 20.
        Assert.Contains("max_connections=180", await ArgumentsAsync(postgres));
        // components/lockstore.yaml sets neither a password nor TLS.
        Assert.Null(redis.PasswordParameter);
        Assert.False(redis.TlsEnabled);
        Assert.Equal(5, builder.Resources.OfType<ProjectResource>().Count(resource => resource.Name.StartsWith("api-", StringComparison.Ordinal)));
        Assert.Equal(5, builder.Resources.OfType<ExecutableResource>().Count(resource => resource.Name.EndsWith("-sidecar", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WithContainers_Replicas_HaveTheirOwnUserAndNotTheOwnersPassword()
    {
        var builder = await CreateAsync();

        var replicas = builder.Resources.OfType<ConnectionStringResource>().Single(resource => resource.Name == "points").ConnectionStringExpression;

        Assert.Contains(";Username=points_replica;Password={postgres-replica-password.value};Database=points;", replicas.ValueExpression, StringComparison.Ordinal);
        Assert.StartsWith("Host={postgres.bindings.tcp.host};Port={postgres.bindings.tcp.port};", replicas.ValueExpression, StringComparison.Ordinal);
        Assert.DoesNotContain("{postgres-password", replicas.ValueExpression, StringComparison.Ordinal);
        Assert.Equal("{points-database.connectionString};Timeout=5", await SettingAsync(builder, "migrations"));
        Assert.Equal("{points.connectionString}", await SettingAsync(builder, "api-1"));
        var cache = (IManifestExpressionProvider)(await FindSettingAsync(builder, "api-1", "ConnectionStrings__points-cache"))!;
        Assert.StartsWith("{redis.bindings.tcp.", cache.ValueExpression, StringComparison.Ordinal);
    }

    /// <summary>It sees no points in the database, and its token allows nothing but the events.</summary>
    [Fact]
    public async Task WithContainers_Notifications_HasItsOwnUserAndATokenForEventsAlone()
    {
        var builder = await CreateAsync();

        var connection = await SettingAsync(builder, "notifications");

        Assert.Contains(";Username=points_notifier;Password={postgres-notifier-password.value};", connection, StringComparison.Ordinal);
        Assert.DoesNotContain("{postgres-password", connection, StringComparison.Ordinal);
        var token = new JsonWebToken((await FindSettingAsync(builder, "notifications", "Feed__Token"))!.ToString());
        Assert.Equal("points:events", token.Claims.Single(claim => claim.Type == "role").Value);

        var provided = await CreateAsync("--identity-provider", "0");
        Assert.Null(await FindSettingAsync(provided, "notifications", "Feed__Token"));
        Assert.EndsWith(
            "/realms/pointsystem/protocol/openid-connect/token", (await FindSettingAsync(provided, "notifications", "Feed__TokenAddress"))!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithContainers_RabbitMq_IsThereOnlyIfItIsWantedAndReplicasPublishToIt()
    {
        var without = await CreateAsync();
        var with = await CreateAsync("--rabbitmq");

        Assert.Empty(without.Resources.OfType<RabbitMQServerResource>());
        Assert.Null(await FindSettingAsync(without, "api-1", "ConnectionStrings__rabbitmq"));
        Assert.StartsWith(
            "pointsystem-rabbitmq-", VolumeOf(with.Resources.OfType<RabbitMQServerResource>().Single()).Source, StringComparison.Ordinal);

        // Replicas get the broker's password, so it is not that of the database's owner.
        Assert.NotEqual(
            await with.Resources.OfType<PostgresServerResource>().Single().PasswordParameter.GetValueAsync(Token),
            await with.Resources.OfType<RabbitMQServerResource>().Single().PasswordParameter.GetValueAsync(Token));
        foreach (var replica in new[] { "api-1", "api-2", "api-3" })
        {
            var setting = (IManifestExpressionProvider)(await FindSettingAsync(with, replica, "ConnectionStrings__rabbitmq"))!;
            Assert.Equal("{rabbitmq.connectionString}", setting.ValueExpression);
        }
    }

    [Fact]
    public async Task WithContainers_VolumeOfAnotherMajorVersion_IsRefusedWithOneSentence()
    {
        await CreateAsync();
        await File.WriteAllTextAsync(Path.Combine(_data, "postgres-volume.major"), "16", Token);

        await using var process = AppHostProcess.Start(_data, new Dictionary<string, string?> { ["POINTSYSTEM_CONTAINERS"] = "true" });
        await process.WaitForExitAsync(Token);

        Assert.Equal(1, process.ExitCode);
        Assert.Contains("was created by PostgreSQL 16; PostgreSQL 18, which is used now, cannot open it", process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExternalEndpoint_OnlyOne_IsTheGateways()
    {
        var builder = await CreateAsync();

        var external = builder.Resources.Where(resource => resource.Annotations.OfType<EndpointAnnotation>().Any(endpoint => endpoint.IsExternal));

        Assert.Equal("gateway", Assert.Single(external).Name);
    }

    [Fact]
    public async Task Settings_FromConfiguration_AreOverriddenByTheCommandLine()
    {
        Assert.Equal(4, await ReplicasAsync());
        Assert.Equal(2, await ReplicasAsync("--replicas", "2"));
    }

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    private Task<IDistributedApplicationTestingBuilder> CreateAsync(params string[] arguments) => CreateWithAsync(arguments, new Dictionary<string, string?>());

    private Task<IDistributedApplicationTestingBuilder> CreateWithAsync(string[] arguments, IReadOnlyDictionary<string, string?> configuration) =>
        DistributedApplicationTestingBuilder.CreateAsync<Projects.PointSystem_AppHost>(
            ["--port", "0", "--data", _data, .. arguments],
            (_, host) =>
            {
                host.Configuration ??= new ConfigurationManager();
                host.Configuration.AddInMemoryCollection(configuration.Append(new("POINTSYSTEM_CONTAINERS", "true")));
            },
            Token);

    private async Task<int> ReplicasAsync(params string[] arguments)
    {
        var builder = await CreateWithAsync(arguments, new Dictionary<string, string?> { ["PointSystem:Replicas"] = "4" });
        return builder.Resources.OfType<ProjectResource>().Count(resource => resource.Name.StartsWith("api-", StringComparison.Ordinal));
    }

    /// <summary>The connection string of a process, as the manifest would have it.</summary>
    private static async Task<string> SettingAsync(IDistributedApplicationTestingBuilder builder, string name) =>
        ((IManifestExpressionProvider)(await FindSettingAsync(builder, name, "ConnectionStrings__points"))!).ValueExpression;

    private static async Task<object?> FindSettingAsync(IDistributedApplicationTestingBuilder builder, string name, string variable)
    {
        var values = new Dictionary<string, object>();
        var resource = builder.Resources.Single(one => one.Name == name);
        var context = new EnvironmentCallbackContext(
            new DistributedApplicationExecutionContext(DistributedApplicationOperation.Publish), resource, values, Token);
        foreach (var callback in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
        {
            await callback.Callback(context);
        }
        return values.GetValueOrDefault(variable);
    }

    private static ContainerMountAnnotation VolumeOf(IResource resource) =>
        resource.Annotations.OfType<ContainerMountAnnotation>().Single(mount => mount.Type == ContainerMountType.Volume);

    private static async Task<IReadOnlyList<object>> ArgumentsAsync(PostgresServerResource resource)
    {
        var arguments = new List<object>();
        foreach (var callback in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
        {
            await callback.Callback(new CommandLineArgsCallbackContext(arguments));
        }
        return arguments;
    }
}
