using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Host;
using PointSystem.Bench.Scenarios;
using PointSystem.Local;
using PointSystem.TestKit;

namespace PointSystem.Bench.Servers;

/// <summary>The product's cluster on its own database, with everything a bench needs to read and to switch.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    // A replica reads its modes once a second.
    private static readonly TimeSpan ModesApplyWithin = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan RestartLimit = TimeSpan.FromSeconds(90);
    private readonly HttpClient _admin;

    private BenchCluster(LocalCluster local, int poolSize)
    {
        Local = local;
        PoolSize = poolSize;
        _admin = new HttpClient { BaseAddress = local.Replicas[0].Url, Timeout = TimeSpan.FromSeconds(100) };
        _admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", local.AdminToken);
        Database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(local.ConnectionString)
        {
            MaxPoolSize = 4,
            CommandTimeout = 0,
            ApplicationName = "pointsystem-bench",
        }.ConnectionString);
        LockCommands = new LockCommands(local.RedisAddress);
    }

    public LocalCluster Local { get; }

    public int PoolSize { get; }

    public NpgsqlDataSource Database { get; }

    public LockCommands LockCommands { get; }

    /// <summary>Starts the cluster with Release builds and the log level of production.</summary>
    /// <exception cref="LocalException">Something is missing; no process is left running.</exception>
    public static async Task<BenchCluster> StartAsync(BenchOptions options, Action<LocalClusterOptions>? more, CancellationToken cancellationToken)
    {
        var cluster = new LocalClusterOptions
        {
            Replicas = options.Replicas,
            PoolSize = options.PoolSize,
            DataDirectory = options.DataDirectory!,
            Fresh = true,
            Log = options.Verbose ? line => Console.Error.WriteLine($"{line.Source} | {line.Text}") : null,
        };
        // The replicas are processes of this program.
        cluster.ApiAssembly = typeof(BenchHost).Assembly.Location;
        cluster.ApiEnvironment[BenchHost.Variable] = "1";
        cluster.ApiEnvironment["ASPNETCORE_ENVIRONMENT"] = "Production";
        cluster.ApiEnvironment["Auth__AllowAnonymous"] = "true";
        cluster.ApiEnvironment["Logging__LogLevel__Default"] = "Warning";
        cluster.GatewayEnvironment["ASPNETCORE_ENVIRONMENT"] = "Production";
        cluster.GatewayEnvironment["Logging__LogLevel__Default"] = "Warning";
        cluster.GatewayEnvironment["Gateway__Affinity"] = options.NoAffinity ? "None" : "Member";
        // Enough for the replicas' pools and the advisory locks in them, for pgbench, and for manual queries.
        var connections = (options.Replicas * (options.PoolSize + Guards.AdvisoryConnections)) + (options.Callers ?? ContenderRun.CallersDefault) + 30;
        cluster.PostgresSettings["max_connections"] = connections.ToString(CultureInfo.InvariantCulture);
        if (!options.Telemetry)
        {
            cluster.Telemetry.Clear();
        }

        more?.Invoke(cluster);
        return new BenchCluster(await LocalCluster.StartAsync(cluster, cancellationToken), cluster.PoolSize);
    }

    /// <summary>The targets of requests: the replicas in turn, or the gateway.</summary>
    public IReadOnlyList<IPEndPoint> Targets(bool straight) =>
        straight
            ? [.. Local.Replicas.Select(replica => new IPEndPoint(IPAddress.Parse(replica.Url.Host), replica.Url.Port))]
            : [new IPEndPoint(IPAddress.Loopback, Local.GatewayUrl.Port)];

    /// <summary>Sets the lock mode of all operations, and waits until every replica applies it.</summary>
    public async Task SetModeAsync(string mode, CancellationToken cancellationToken)
    {
        using var answer = await _admin.PutAsJsonAsync("/api/admin/points/config/LOCKING_MODE", new { configValue = mode }, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new BenchException($"The lock mode could not be set to {mode}: {await answer.Content.ReadAsStringAsync(cancellationToken)}");
        }

        await Task.Delay(ModesApplyWithin, cancellationToken);
    }

    /// <summary>Puts another lock in front of the transactions of every replica, or none.</summary>
    public async Task SetGuardAsync(string guard, CancellationToken cancellationToken)
    {
        foreach (var replica in Local.Replicas)
        {
            var url = new Uri(replica.Url, $"{BenchHost.Path}?guard={guard}&redis={Local.RedisAddress}");
            using var answer = await _admin.PostAsync(url, null, cancellationToken);
            answer.EnsureSuccessStatusCode();
        }
    }

    /// <summary>Stops all replicas, starts them again, and waits until the gateway sends requests to each.</summary>
    public async Task RestartReplicasAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(Local.Replicas.Select(replica => replica.Process.StopAsync(RestartLimit, cancellationToken)));
        foreach (var replica in Local.Replicas)
        {
            replica.Process.Start();
        }

        await Task.WhenAll(Local.Replicas.Select(replica => replica.WaitUntilReadyAsync(RestartLimit, cancellationToken)));
    }

    /// <summary>Returns the replica to which the gateway sends the requests of each member.</summary>
    public async Task<IReadOnlyDictionary<long, string>> FindReplicasAsync(IEnumerable<long> members, CancellationToken cancellationToken)
    {
        var replicas = new Dictionary<long, string>();
        foreach (var member in members)
        {
            using var answer = await _admin.GetAsync(new Uri(Local.GatewayUrl, $"/api/points/balance/{member}?size=1"), cancellationToken);
            answer.EnsureSuccessStatusCode();
            replicas[member] = answer.Headers.GetValues("X-Replica").Single();
        }

        return replicas;
    }

    /// <summary>Has a replica write a batch of that many uses of member 1, and returns its statements.</summary>
    public async Task<IReadOnlyList<PreparedStatement>> CaptureBatchAsync(int uses, CancellationToken cancellationToken)
    {
        using var answer = await _admin.PostAsync($"{BenchHost.BatchPath}?uses={uses}", null, cancellationToken);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<List<PreparedStatement>>(cancellationToken))!;
    }

    /// <summary>Returns the reconciliation status of a member: <c>MATCHED</c> if it is correct.</summary>
    public async Task<string> ReconcileAsync(long memberId, CancellationToken cancellationToken)
    {
        using var answer = await _admin.PostAsync($"/api/admin/points/reconciliation/members/{memberId}", null, cancellationToken);
        var report = await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        return answer.IsSuccessStatusCode ? report.GetProperty("status").GetString()! : $"HTTP {(int)answer.StatusCode}";
    }

    /// <summary>Waits until the breakers of these replicas, by default of all, are open or closed.</summary>
    /// <exception cref="BenchException">A breaker was in another state after <paramref name="limit"/>.</exception>
    public async Task WaitForBreakersAsync(string state, TimeSpan limit, CancellationToken cancellationToken, IReadOnlyList<Replica>? replicas = null)
    {
        var watch = Stopwatch.StartNew();
        while ((await Task.WhenAll((replicas ?? Local.Replicas).Select(ReadBreakerAsync))).Any(breaker => breaker != state))
        {
            if (watch.Elapsed > limit)
            {
                throw new BenchException($"A breaker was not {state} after {limit.TotalSeconds:0} s.");
            }

            await Task.Delay(20, cancellationToken);
        }

        async Task<string> ReadBreakerAsync(Replica replica)
        {
            var locks = await _admin.GetFromJsonAsync<JsonElement>(new Uri(replica.Url, "/api/admin/locks"), cancellationToken);
            return locks.GetProperty("breaker").GetProperty("state").GetString()!;
        }
    }

    /// <summary>Executes SQL and returns the first value of the first row.</summary>
    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Executes SQL without a result.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await Database.DisposeAsync();
        await LockCommands.DisposeAsync();
        await Local.DisposeAsync();
    }
}
