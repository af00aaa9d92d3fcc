using StackExchange.Redis;
using StackExchange.Redis.Availability;

namespace PointSystem.Local.Sidecar;

/// <summary>How the Redis client is set up.</summary>
internal static class RedisOptions
{
    // Also the longest time Redis can be back before it is used again.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(200);

    public static ConfigurationOptions From(RedisSettings settings)
    {
        var answer = settings.ReadTimeout > TimeSpan.Zero ? settings.ReadTimeout : TimeSpan.FromMinutes(1);
        var options = new ConfigurationOptions
        {
            EndPoints = { settings.Endpoint },
            User = settings.Username,
            Password = settings.Password,
            DefaultDatabase = settings.Database,
            Ssl = settings.EnableTls,
            // The sidecar starts and goes on without Redis; the reconnect is the library's, in the background.
            AbortOnConnectFail = false,
            // INFO replication, asked once at start, counts as administration to the library.
            AllowAdmin = true,
            ConnectRetry = 1,
            ConnectTimeout = (int)(settings.DialTimeout > TimeSpan.Zero ? settings.DialTimeout : TimeSpan.FromMinutes(1)).TotalMilliseconds,
            ReconnectRetryPolicy = new LinearRetry((int)Heartbeat.TotalMilliseconds),
            HeartbeatInterval = Heartbeat,
            AsyncTimeout = (int)answer.TotalMilliseconds,
            SyncTimeout = (int)answer.TotalMilliseconds,
            // A lock asked for while Redis is away must fail now, not be taken later for a caller that has gone.
            BacklogPolicy = BacklogPolicy.FailFast,
            RetryPolicy = RetryPolicy.None,
            // No second connection for pub/sub and no lookup of a primary: one server, commands only.
            CommandMap = CommandMap.Create(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"], available: false),
            TieBreaker = "",
            ConfigurationChannel = "",
            ClientName = "pointsystem-sidecar",
            IncludeDetailInExceptions = false,
        };
        if (settings.SkipTlsVerify)
        {
#pragma warning disable CA5359 // Asked for by insecureSkipTLSVerify, a setting of daprd's meant for tests.
            options.CertificateValidation += static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        return options;
    }

    /// <summary>What went wrong, short enough for an error message.</summary>
    public static string Explain(Exception error) => error switch
    {
        TimeoutException or OperationCanceledException => "context deadline exceeded",
        RedisServerException => error.Message,
        RedisConnectionException => "redis connection is down",
        _ => error.Message,
    };
}
