using System.Diagnostics;
using System.Net.Sockets;
using Dapr.Client.Autogen.Grpc.v1;
using StackExchange.Redis;

namespace PointSystem.Local.Sidecar;

/// <summary>
/// The <c>lock.redis</c> component: SET NX with a TTL, and a delete that checks the owner. One connection, no queue while it is down and
/// no retry: a caller learns of a failure at once and decides itself.
/// </summary>
internal sealed class RedisLockStore : IAsyncDisposable
{
    // Reads, compares and deletes in one step on the server: a lock that expired and was acquired by another owner in between must
    // survive.
    private const string UnlockScript = """
        local held = redis.call('GET', KEYS[1])
        if not held then return -1 end
        if held ~= ARGV[1] then return -2 end
        return redis.call('DEL', KEYS[1])
        """;

    private readonly ConnectionMultiplexer _connection;
    private readonly IDatabase _database;
    private readonly RedisSettings _settings;
    private readonly LockKey _key;
    private readonly TimeProvider _clock;

    private RedisLockStore(ConnectionMultiplexer connection, RedisSettings settings, LockKey key, TimeProvider clock)
    {
        _connection = connection;
        _database = connection.GetDatabase();
        _settings = settings;
        _key = key;
        _clock = clock;
    }

    /// <summary>Connects and checks, like daprd, that Redis responds and is not a primary with replicas.</summary>
    /// <exception cref="ComponentInitException">Redis cannot be used.</exception>
    public static async Task<RedisLockStore> ConnectAsync(RedisSettings settings, LockKey key, TimeProvider clock, CancellationToken cancellationToken)
    {
        await ProbeAsync(settings, cancellationToken);
        string? refused = null;
        RedisLockStore? store = null;
        try
        {
            var connection = await ConnectionMultiplexer.ConnectAsync(RedisOptions.From(settings, reason => refused = reason)).WaitAsync(cancellationToken);
            store = new RedisLockStore(connection, settings, key, clock);
            await store.PingAsync(cancellationToken);
            return await store.HasReplicasAsync(cancellationToken) ? throw new ComponentInitException("replication is not supported") : store;
        }
        catch (Exception error)
        {
            if (store is not null)
            {
                await store.DisposeAsync();
            }
            if (error is RedisException or TimeoutException or OperationCanceledException)
            {
                throw new ComponentInitException(
                    $"error connecting to Redis: {settings.Address} does not answer: {refused ?? RedisOptions.Explain(error)}", error);
            }
            throw;
        }
    }

    /// <summary>The Redis key of a resource.</summary>
    public string KeyOf(string resourceId) => _key.Of(resourceId);

    /// <summary>Acquires the lock if it is free; a lock held by the same owner is not free.</summary>
    public async Task<bool> TryLockAsync(string key, string owner, TimeSpan expiry, CancellationToken cancellationToken)
    {
        using var span = SidecarTelemetry.StartCommand("SET", _settings);
        return await AnswerAsync(_database.StringSetAsync(key, owner, expiry, When.NotExists), _settings.WriteTimeout, span, cancellationToken);
    }

    /// <summary>Releases the lock if this owner holds it.</summary>
    public async Task<UnlockResponse.Types.Status> UnlockAsync(string key, string owner, CancellationToken cancellationToken)
    {
        using var span = SidecarTelemetry.StartCommand("EVAL", _settings);
        var script = _database.ScriptEvaluateAsync(UnlockScript, [key], [owner], CommandFlags.NoScriptCache);
        var answer = (int)await AnswerAsync(script, _settings.ReadTimeout, span, cancellationToken);
        return answer switch
        {
            >= 0 => UnlockResponse.Types.Status.Success,
            -1 => UnlockResponse.Types.Status.LockDoesNotExist,
            -2 => UnlockResponse.Types.Status.LockBelongsToOthers,
            _ => UnlockResponse.Types.Status.InternalError,
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.CloseAsync(allowCommandsToComplete: false);
        await _connection.DisposeAsync();
    }

    private async Task<T> AnswerAsync<T>(Task<T> command, TimeSpan limit, Activity? span, CancellationToken cancellationToken)
    {
        try
        {
            return await (limit > TimeSpan.Zero ? command.WaitAsync(limit, _clock, cancellationToken) : command.WaitAsync(cancellationToken));
        }
        catch (Exception error)
        {
            span.Failed(error);
            throw;
        }
    }

    // A plain connection first: it is refused at once and with a reason, whereas the client library would retry for the whole dial
    // timeout.
    private static async Task ProbeAsync(RedisSettings settings, CancellationToken cancellationToken)
    {
        using var dial = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (settings.DialTimeout > TimeSpan.Zero)
        {
            dial.CancelAfter(settings.DialTimeout);
        }
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(settings.Endpoint, dial.Token);
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            var reason = error is SocketException ? error.Message : "timed out";
            throw new ComponentInitException($"error connecting to Redis: dial tcp {settings.Address}: {reason}", error);
        }
    }

    // A server that accepts but responds slowly has until the component's init timeout: the client keeps connecting by itself.
    private async Task PingAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _database.PingAsync().WaitAsync(cancellationToken);
                return;
            }
            catch (RedisConnectionException error) when (error.FailureType != ConnectionFailureType.AuthenticationFailure)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), _clock, cancellationToken);
            }
        }
    }

    private async Task<bool> HasReplicasAsync(CancellationToken cancellationToken)
    {
        try
        {
            var info = (string?)await _database.ExecuteAsync("INFO", "replication").WaitAsync(cancellationToken) ?? "";
            return info.Split('\n').Any(line => line.StartsWith("connected_slaves:", StringComparison.Ordinal) && line.Trim() != "connected_slaves:0");
        }
        catch (RedisServerException)
        {
            // Servers without INFO pass, as in daprd.
            return false;
        }
    }
}
