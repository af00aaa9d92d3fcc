using PointSystem.AppHost;
using PointSystem.Local;

// The whole product as an Aspire app model: its parts and what waits for what. The other files in this folder define each part.
try
{
    var commandLine = Arguments.Parse(args);
    if (commandLine.HasPrintedHelp)
    {
        return 0;
    }
    var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
    {
        Args = commandLine.ForAspire,
        DashboardApplicationName = "PointSystem",
        // Everything uses plain HTTP on the loopback interface: no certificate is required, and none is passed to the resources.
        TrustDeveloperCertificate = false,
        DeveloperCertificateDefaultHttpsTerminationEnabled = false,
    });
    if (commandLine.IsForToken)
    {
        return builder.ReadExistingSettings(commandLine).PrintAdminToken();
    }
    var settings = builder.ReadSettings(commandLine);
    builder.UseLocalDashboard();

    // Containers if a runtime responds, otherwise the programs that PointSystem.Local finds, or the database of the given connection
    // string.
    var containers = builder.HasContainers();
    var points = builder.AddPointDatabase(settings, containers);
    var redis = builder.AddLockStore(settings, containers);
    var broker = builder.AddBroker(settings, containers);

    var signingKey = builder.AddSigningKey(settings);
    var identity = builder.AddIdentityProvider(settings);

    // The migration updates the schema once, as the owner of the database. Replicas may not do that; they wait for it.
    var migrations = builder.AddProject<Projects.PointSystem_Api>("migrations", launchProfileName: null)
        .WithArgs("migrate")
        .WithApiSettings()
        .WithOwner(points)
        .WithHiddenOnCompletion();

    // Each replica is a separate resource, because each has its own sidecar. All sidecars have the same app id: it is part of every
    // lock's key.
    var replicas = settings.ReplicaNames
        .Select(name => builder.AddProject<Projects.PointSystem_Api>(name, launchProfileName: null)
            .WithReplicaEndpoint()
            .WithApiSettings()
            .WithTokens(settings, signingKey, identity)
            .WithReference(points.Replicas)
            .WithStandby(points)
            .WithLockSidecar(redis, settings)
            .WithBalanceCache(redis)
            .WithBroker(broker)
            .WaitForCompletion(migrations)
            .KeepRunning())
        .ToList();

    var gateway = builder.AddProject<Projects.PointSystem_Gateway>("gateway", launchProfileName: null)
        .WithGatewayEndpoint(settings)
        .WithReplicas(replicas)
        .WithLockCommands(settings)
        .WithRollingRestart(replicas)
        .KeepRunning();
    builder.AddNotifications(settings, points, gateway, identity);

    builder.RestartEndedResources();
    builder.WriteLogFiles(settings);
    builder.ReportWhenReady(settings);
    var app = builder.Build();
    return await app.RunToEndAsync();
}
catch (LocalException fault)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
