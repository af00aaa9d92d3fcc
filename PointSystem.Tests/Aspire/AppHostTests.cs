using System.Net;
using System.Text.Json.Nodes;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Cluster;
using PointSystem.Tests.Infrastructure;

namespace PointSystem.Tests.Aspire;

/// <summary>The app host as Aspire starts it, with everything real: its orchestrator, PostgreSQL, Redis, sidecars, replicas, gateway. Built only where Aspire is on.</summary>
public sealed class AppHostTests : IAsyncDisposable
{
    private static readonly string[] ReplicaNames = ["api-1", "api-2"];
    private readonly string _data = ClusterFixture.NewDataDirectory();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task App_WhenStarted_ServesPointsThroughTheGatewayUnderLocksOfEachReplicasOwnSidecar(bool containers)
    {
        Assert.SkipWhen(
            containers && Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_CONTAINERS") != "true",
            "Containers are tested where POINTSYSTEM_TEST_CONTAINERS=true says that they and their images can be had.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(5));
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.PointSystem_AppHost>(
            ["--replicas", "2", "--port", "0", "--data", _data, $"--POINTSYSTEM_CONTAINERS={containers}"], limit.Token);
        // Every probe of what is still starting would be an error with its stack trace.
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None));
        await using var app = await builder.BuildAsync(limit.Token);
        await app.StartAsync(limit.Token);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", limit.Token);

        // Each replica has a sidecar of its own and locks by it; what one of them wrote the other one reads, through the gateway too.
        var member = PointsClient.NewMember();
        var token = new TokenIssuer(Secrets.LoadOrCreate(_data).SigningKey, TimeProvider.System).Create("test", [TokenIssuer.AdminRole], TimeSpan.FromHours(1));
        foreach (var name in ReplicaNames)
        {
            using var replica = new PointsClient(app.GetEndpoint(name, "http"), token);
            Assert.Equal(HttpStatusCode.Created, (await replica.AccumulateAsync(member, 500)).Status);
            var locks = await LocksAsync(replica);
            Assert.Equal((name, "distributed", "closed"), ((string?)locks["replica"], (string?)locks["mode"], (string?)locks["breaker"]!["state"]));
            Assert.Equal(0, (int)locks["lastMinute"]!["fallbacks"]!);
        }
        using var gateway = new PointsClient(app.GetEndpoint("gateway", "http"), token);
        Assert.Equal(HttpStatusCode.Created, (await gateway.UseAsync(member, "A1", 300)).Status);
        Assert.Equal(700, await gateway.BalanceAsync(member));

        // The dashboard's commands do what an administrator's request does.
        var result = await app.ResourceCommands.ExecuteCommandAsync("gateway", "locking-mode-row", limit.Token);
        Assert.True(result.Success, result.Message);
        await Eventually.TrueAsync(async () => (string?)(await LocksAsync(gateway))["mode"] == "row", () => "The mode is as before.", limit.Token);
        await app.StopAsync(limit.Token);
    }

    [Fact]
    public async Task Model_WithContainers_HasVolumesRoomForEveryPoolAndARedisThatTheComponentFits()
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.PointSystem_AppHost>(
            ["--replicas", "5", "--data", _data, "--POINTSYSTEM_CONTAINERS=true"], TestContext.Current.CancellationToken);

        var postgres = builder.Resources.OfType<PostgresServerResource>().Single();
        var redis = builder.Resources.OfType<RedisResource>().Single();
        Assert.StartsWith("pointsystem-postgres-", VolumeOf(postgres), StringComparison.Ordinal);
        Assert.StartsWith("pointsystem-redis-", VolumeOf(redis), StringComparison.Ordinal);
        // Five pools of 30, and 20 to spare.
        Assert.Contains("max_connections=170", await ArgumentsAsync(postgres));
        // components/lockstore.yaml names neither a password nor TLS.
        Assert.Null(redis.PasswordParameter);
        Assert.False(redis.TlsEnabled);
        Assert.Equal(5, builder.Resources.OfType<ProjectResource>().Count(resource => resource.Name.StartsWith("api-", StringComparison.Ordinal)));
        Assert.Equal(5, builder.Resources.OfType<ExecutableResource>().Count(resource => resource.Name.EndsWith("-sidecar", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Model_WithAGivenDatabase_StartsNone()
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.PointSystem_AppHost>(
            ["--connection-string", "Host=db;Username=u;Database=d;", "--data", _data, "--POINTSYSTEM_CONTAINERS=true"], TestContext.Current.CancellationToken);

        Assert.DoesNotContain(builder.Resources, resource => resource.Name == "postgres");
        var points = builder.Resources.OfType<ConnectionStringResource>().Single();
        Assert.Equal(
            "Host=db;Username=u;Database=d;Maximum Pool Size=30;Timeout=5",
            await points.ConnectionStringExpression.GetValueAsync(TestContext.Current.CancellationToken));
    }

    public ValueTask DisposeAsync()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
        return ValueTask.CompletedTask;
    }

    private static string? VolumeOf(IResource resource) =>
        resource.Annotations.OfType<ContainerMountAnnotation>().Single(mount => mount.Type == ContainerMountType.Volume).Source;

    private static async Task<JsonNode> LocksAsync(PointsClient client) => (await client.GetAsync("/api/admin/locks")).Json;

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
