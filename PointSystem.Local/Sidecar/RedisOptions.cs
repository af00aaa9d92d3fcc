using System.Net.Security;
using StackExchange.Redis;
using StackExchange.Redis.Availability;

namespace PointSystem.Local.Sidecar;

/// <summary>The configuration of the Redis client.</summary>
internal static class RedisOptions
{
    // Also the maximum time after its return before Redis is used again.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(200);

    /// <param name="settings">The component's metadata.</param>
    /// <param name="onRefused">Called with the reason if Redis' certificate is refused.</param>
    public static ConfigurationOptions From(RedisSettings settings, Action<string> onRefused)
    {
        var answer = settings.ReadTimeout > TimeSpan.Zero ? settings.ReadTimeout : TimeSpan.FromMinutes(1);
        var options = new ConfigurationOptions
        {
            EndPoints = { settings.Endpoint },
            User = settings.Username,
            Password = settings.Password,
            DefaultDatabase = settings.Database,
            Ssl = settings.EnableTls,
            // The sidecar starts and continues without Redis; the library reconnects in the background.
            AbortOnConnectFail = false,
            // INFO replication, sent once at start, counts as an admin command for the library.
            AllowAdmin = true,
            ConnectRetry = 1,
            ConnectTimeout = (int)(settings.DialTimeout > TimeSpan.Zero ? settings.DialTimeout : TimeSpan.FromMinutes(1)).TotalMilliseconds,
            ReconnectRetryPolicy = new LinearRetry((int)Heartbeat.TotalMilliseconds),
            HeartbeatInterval = Heartbeat,
            AsyncTimeout = (int)answer.TotalMilliseconds,
            SyncTimeout = (int)answer.TotalMilliseconds,
            // A lock requested while Redis is unavailable must fail now, not be acquired later for a caller that has gone.
            BacklogPolicy = BacklogPolicy.FailFast,
            RetryPolicy = RetryPolicy.None,
            // No second connection for pub/sub and no lookup of a primary: one server, commands only. And nothing that a user for locks need not
            // be allowed: the library would not get past a refused ECHO.
            CommandMap = CommandMap.Create(
                [
                    "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "ECHO", "CLIENT", "CONFIG", "CLUSTER", "SENTINEL",
                ],
                available: false),
            TieBreaker = "",
            ConfigurationChannel = "",
            IncludeDetailInExceptions = false,
        };
        if (settings.ClientCertificate is { } certificate)
        {
            options.CertificateSelection += (_, _, _, _, _) => certificate;
        }
        options.CertificateValidation += (_, _, _, errors) =>
        {
            // insecureSkipTLSVerify is a daprd setting for tests.
            if (errors == SslPolicyErrors.None || settings.SkipTlsVerify)
            {
                return true;
            }
            onRefused($"its certificate is not valid here: {errors}");
            return false;
        };
        return options;
    }

    /// <summary>Describes the failure briefly, for an error message.</summary>
    public static string Explain(Exception error) => error switch
    {
        TimeoutException or OperationCanceledException => "context deadline exceeded",
        RedisServerException => error.Message,
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } => "it refuses the user or the password",
        RedisConnectionException => "redis connection is down",
        _ => error.Message,
    };
}
