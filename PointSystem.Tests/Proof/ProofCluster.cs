using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using StackExchange.Redis;

namespace PointSystem.Tests.Proof;

/// <summary>
/// Three replica processes with short leases. The first one has a proxy on each connection: to its sidecar, from there to Redis, and to Postgres.
/// Every test undoes its faults, and <see cref="ReadyAsync"/> waits until the cluster works.
/// </summary>
public sealed class ProofCluster : IAsyncLifetime
{
    /// <summary>The lease of every operation.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private LocalCluster _cluster = null!;
    private FaultProxy _toSidecar = null!;
    private FaultProxy _toRedis = null!;
    private FaultProxy _toDatabase = null!;

    internal LocalCluster Cluster => _cluster;

    /// <summary>The replica with the proxies.</summary>
    internal Replica First => _cluster.Replicas[0];

    internal FaultProxy ToSidecar => _toSidecar;

    internal FaultProxy ToRedis => _toRedis;

    internal FaultProxy ToDatabase => _toDatabase;

    internal string Database => _cluster.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ClusterFixture.StartOwnAsync(Configure, Token);
        _toSidecar = new FaultProxy(First.SidecarGrpcPort);
        _toRedis = new FaultProxy(int.Parse(_cluster.RedisAddress.Split(':')[1], CultureInfo.InvariantCulture));
        var database = new NpgsqlConnectionStringBuilder(_cluster.ReplicaConnectionString);
        _toDatabase = new FaultProxy(database.Port);
        database.Host = "127.0.0.1";
        database.Port = _toDatabase.Port;
        await First.Sidecar.RestartAsync(new Dictionary<string, string?> { ["REDIS_HOST"] = $"127.0.0.1:{_toRedis.Port}" }, Token);
        await First.Process.RestartAsync(
            new Dictionary<string, string?>
            {
                ["ConnectionStrings__points"] = database.ConnectionString,
                ["DAPR_GRPC_ENDPOINT"] = $"http://127.0.0.1:{_toSidecar.Port}",
            },
            Token);
        await ReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ClusterFixture.DeleteAsync(_cluster);
        await _toSidecar.DisposeAsync();
        await _toRedis.DisposeAsync();
        await _toDatabase.DisposeAsync();
    }

    /// <summary>Removes all faults and waits until every replica is ready and acquires locks.</summary>
    internal async Task ReadyAsync()
    {
        foreach (var proxy in new[] { _toSidecar, _toRedis, _toDatabase })
        {
            proxy.Heal();
        }
        foreach (var process in _cluster.Replicas.SelectMany(replica => new[] { replica.Sidecar, replica.Process }).Append(_cluster.Redis))
        {
            // Starts them without the back-off of the supervisor.
            process.Start();
            process.AutoRestart = true;
        }
        foreach (var replica in _cluster.Replicas)
        {
            await replica.WaitUntilReadyAsync(TimeSpan.FromSeconds(60), Token);
        }
        await SetAsync("LOCKING_MODE", "distributed");
        foreach (var replica in _cluster.Replicas)
        {
            await AcquiresLocksAsync(replica);
        }
    }

    /// <summary>
    /// Waits until a write of the replica has really acquired its lock. A closed breaker is not enough: it is closed before the first failure too,
    /// and a replica keeps its previous mode for up to a second.
    /// </summary>
    private async Task AcquiresLocksAsync(Replica replica)
    {
        using var client = new PointsClient(replica.Url);
        await Eventually.HoldsAsync(
            async () =>
            {
                var before = await WithoutLockAsync(replica);
                var member = PointsClient.NewMember();
                return (await client.AccumulateAsync(member, 1)).Status == HttpStatusCode.Created
                    && (await client.UseAsync(member, "READY", 1)).Status == HttpStatusCode.Created
                    && await WithoutLockAsync(replica) <= before
                    && await IsBreakerAsync(replica, "closed");
            },
            $"{replica.Name} acquires locks");
    }

    /// <summary>The number of writes without a lock in the last minute; null while the replica does not answer.</summary>
    private async Task<long?> WithoutLockAsync(Replica replica) => (await LocksAsync(replica))?["lastMinute"] is { } counts
        ? counts["fallbacks"]!.GetValue<long>() + counts["rowOnly"]!.GetValue<long>()
        : null;

    /// <summary>Until the result is disposed, the first replica is in fallback, the second acquires locks, and the third uses mode row.</summary>
    internal async Task<IAsyncDisposable> MixedAsync()
    {
        await SetAsync("LOCKING_MODE", "default");
        First.Sidecar.AutoRestart = false;
        await First.Sidecar.KillAsync(Token);
        using (var client = new PointsClient(First.Url))
        {
            // The breaker opens when a request asks for a lock. For up to a second the replica may still use the previous mode.
            await Eventually.HoldsAsync(
                async () =>
                {
                    await client.CreateMemberAsync(1);
                    return await IsBreakerAsync(First, "open");
                },
                "the first replica is in fallback");
        }
        return new Undo(async () =>
        {
            First.Sidecar.AutoRestart = true;
            First.Sidecar.Start();
            await BreakerAsync(First, "closed");
        });
    }

    /// <summary>Waits until a replica's breaker is open or closed.</summary>
    internal Task BreakerAsync(Replica replica, string state) =>
        Eventually.HoldsAsync(() => IsBreakerAsync(replica, state), $"the breaker of {replica.Name} is {state}");

    /// <summary>A count of the last minute from /api/admin/locks.</summary>
    internal async Task<long> LastMinuteAsync(Replica replica, string name) => (await LocksAsync(replica))!["lastMinute"]![name]!.GetValue<long>();

    private async Task<bool> IsBreakerAsync(Replica replica, string state) =>
        (await LocksAsync(replica))?["breaker"]!["state"]!.GetValue<string>() == state;

    private async Task<JsonNode?> LocksAsync(Replica replica)
    {
        using var admin = new PointsClient(replica.Url, _cluster.AdminToken);
        return await admin.GetAsync("/api/admin/locks") is { Status: HttpStatusCode.OK } locks ? locks.Json : null;
    }

    /// <summary>Changes the run-time configuration; it applies to every replica within a second.</summary>
    internal async Task SetAsync(string key, string value)
    {
        using var admin = new PointsClient(_cluster.Replicas[1].Url, _cluster.AdminToken);
        (await admin.PutAsync($"/api/admin/points/config/{key}", new { configValue = value })).Expect(HttpStatusCode.OK);
    }

    /// <summary>Creates a new member with points.</summary>
    internal async Task<long> MemberAsync(long points)
    {
        using var client = new PointsClient(_cluster.Replicas[1].Url);
        return await client.CreateMemberAsync(points);
    }

    internal Task<ConnectionMultiplexer> RedisAsync() => ConnectionMultiplexer.ConnectAsync($"{_cluster.RedisAddress},abortConnect=false,allowAdmin=true");

    private static void Configure(LocalClusterOptions options)
    {
        options.PoolSize = 15;
        foreach (var operation in new[] { "use:member", "accumulate:member", "cancel:usage", "cancel:accumulation" })
        {
            options.ApiEnvironment[$"Locking__Operations__point__{operation.Replace(":", "__", StringComparison.Ordinal)}__LeaseSeconds"] =
                Lease.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        }
        // Applies while LOCKING_MODE is "default": the third replica uses no locks.
        options.ReplicaEnvironment = name => new Dictionary<string, string?> { ["Locking__Mode"] = name == "api-3" ? "row" : "distributed" };
    }

    private sealed class Undo(Func<Task> undo) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await undo();
    }
}

[CollectionDefinition(Name)]
public sealed class ProofTests : ICollectionFixture<ProofCluster>
{
    public const string Name = "proof";
}
