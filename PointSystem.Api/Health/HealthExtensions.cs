namespace PointSystem.Api.Health;

internal static class HealthExtensions
{
    /// <summary>Registers the readiness checks of this replica.</summary>
    public static IHostApplicationBuilder AddPointHealth(this IHostApplicationBuilder builder)
    {
        // A singleton, so that the expected migration is looked up once.
        builder.Services.AddSingleton<DatabaseHealthCheck>();
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database", tags: [Extensions.ReadyTag])
            .AddCheck<LockHealthCheck>("locks", tags: [Extensions.ReadyTag]);
        return builder;
    }
}
