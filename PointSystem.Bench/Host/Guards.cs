using Medallion.Threading.Postgres;
using Medallion.Threading.Redis;
using Microsoft.Extensions.Configuration;
using Npgsql;
using PointSystem.Api.Persistence;
using RedLockNet.SERedis;
using RedLockNet.SERedis.Configuration;
using StackExchange.Redis;

namespace PointSystem.Bench.Host;

/// <summary>The guards by name, each created once. Wait and lease are the same as those of the product's commands.</summary>
internal sealed class Guards(IConfiguration configuration, EveryLotLedger everyLot) : IDisposable
{
    public const string None = "none";
    public const string EveryLot = "row-lots";
    public const string MedallionRedis = "DistributedLock.Redis";
    public const string MedallionPostgres = "DistributedLock.Postgres";
    public const string RedLock = "RedLock.net";

    /// <summary>Not a guard: <see cref="Host.HttpFloor"/> answers instead of the product.</summary>
    public const string HttpFloor = "http-floor";

    // Each caller that waits for an advisory lock holds a connection. In the pool of the transactions they would leave none for the
    // holder.
    public const int AdvisoryConnections = 40;
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan RedLockRetry = TimeSpan.FromMilliseconds(20);
    private ConnectionMultiplexer? _redis;
    private RedLockFactory? _redLocks;

    /// <summary>Null for <see cref="None"/>.</summary>
    public async Task<IGuard?> GetAsync(string name, string redis) => name switch
    {
        None or HttpFloor => null,
        EveryLot => everyLot,
        MedallionRedis => OfRedis((await ConnectAsync(redis)).GetDatabase()),
        MedallionPostgres => OfPostgres(),
        RedLock => OfRedLock(_redLocks ??= RedLockFactory.Create([new RedLockMultiplexer(await ConnectAsync(redis))])),
        _ => throw new BenchException($"There is no guard '{name}'."),
    };

    public void Dispose()
    {
        _redLocks?.Dispose();
        _redis?.Dispose();
    }

    private async Task<ConnectionMultiplexer> ConnectAsync(string redis) => _redis ??= await ConnectionMultiplexer.ConnectAsync(redis);

    private static LockGuard OfRedis(IDatabase database) => new(async (key, wait, token) =>
        await new RedisDistributedLock(key, database, options => options.Expiry(Lease)).TryAcquireAsync(wait, token));

    private LockGuard OfPostgres()
    {
        var connectionString = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(PersistenceExtensions.ConnectionName))
        {
            MaxPoolSize = AdvisoryConnections,
            ApplicationName = "pointsystem-bench-advisory",
        }.ConnectionString;
        return new LockGuard(async (key, wait, token) =>
            await new PostgresDistributedLock(new PostgresAdvisoryLockKey(key, allowHashing: true), connectionString).TryAcquireAsync(wait, token));
    }

    private static LockGuard OfRedLock(RedLockFactory factory) => new(async (key, wait, token) =>
    {
        var handle = await factory.CreateLockAsync(key, Lease, wait, RedLockRetry, token);
        if (handle.IsAcquired)
        {
            return handle;
        }

        await handle.DisposeAsync();
        return null;
    });
}
