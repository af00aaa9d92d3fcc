namespace PointSystem.Api.Health;

internal static class HealthExtensions
{
    /// <summary>Registers what must hold for this replica to take requests, and what ends it.</summary>
    public static IHostApplicationBuilder AddPointHealth(this IHostApplicationBuilder builder)
    {
        // A singleton, so that the expected migration is looked up once.
        builder.Services.AddSingleton<DatabaseHealthCheck>();
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", tags: [Extensions.ReadyTag])
            .AddCheck<LockHealthCheck>("locks", tags: [Extensions.ReadyTag]);
        return builder;
    }
}
