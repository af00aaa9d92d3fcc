using Microsoft.Extensions.Logging.Abstractions;
using PointSystem.Api.Persistence;
using PointSystem.ServiceDefaults;
using StackExchange.Redis;

namespace PointSystem.Api.Caching;

internal static class CachingExtensions
{
    /// <summary>Whether there is a connection string for a cache.</summary>
    public static bool HasBalanceCache(this IHostApplicationBuilder builder) =>
        !string.IsNullOrWhiteSpace(builder.Configuration.GetConnectionString(BalanceCache.ConnectionName));

    /// <summary>Registers the balance cache, if there is a connection string for it.</summary>
    public static IHostApplicationBuilder AddBalanceCache(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<CacheOptions>().BindConfiguration(CacheOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        if (!builder.HasBalanceCache())
        {
            return builder;
        }

        Check(builder.Configuration.GetConnectionString(BalanceCache.ConnectionName)!);
        builder.AddKeyedRedisClient(
            BalanceCache.ConnectionName,
            settings =>
            {
                // Without the cache this service is as healthy as with it.
                settings.DisableHealthChecks = true;
                settings.DisableTracing = string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]);
            },
            client =>
            {
                client.AbortOnConnectFail = false;
                // Readers go on to the database instead of waiting for a connection.
                client.BacklogPolicy = BacklogPolicy.FailFast;
                client.ConnectTimeout = 2_000;
                client.AsyncTimeout = 1_000;
                client.ReconnectRetryPolicy = new LinearRetry(1_000);
                client.ClientName ??= "pointsystem-api";
                // It logs a dozen lines for each attempt to connect. The cache says in one when it is away.
                client.LoggerFactory = NullLoggerFactory.Instance;
            });
        builder.Services.AddSingleton<CacheMetrics>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<CacheMetrics>());
        builder.Services.AddSingleton<BalanceCache>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<BalanceCache>());
        return builder;
    }

    private static void Check(string connectionString)
    {
        try
        {
            if (ConfigurationOptions.Parse(connectionString).EndPoints.Count > 0)
            {
                return;
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The message does not include the connection string: it may contain a password.
            throw new ConfigurationFaultException($"The connection string '{BalanceCache.ConnectionName}' is not valid: {e.Message}");
        }

        throw new ConfigurationFaultException($"The connection string '{BalanceCache.ConnectionName}' is not valid: it names no server.");
    }
}
