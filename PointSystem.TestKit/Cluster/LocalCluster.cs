using System.Diagnostics;
using System.Globalization;
using PointSystem.Local;
using PointSystem.Local.Garnet;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;
using PointSystem.Local.Sidecar;

namespace PointSystem.TestKit;

/// <summary>
/// The whole product on this machine, for tests and benchmarks: Postgres, Redis, API replicas with their sidecars, and one gateway in
/// front. Starts the same programs as the app host, but without the orchestrator and the dashboard, which would use the processors that
/// are measured.
/// </summary>
/// <remarks>
/// Everything it starts is stopped with it: in order by <see cref="DisposeAsync"/>, and also when this process is killed.
/// </remarks>
public sealed class LocalCluster : IAsyncDisposable
{
    private static readonly TimeSpan MigrationLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ApiGrace = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan OthersGrace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PostgresGrace = TimeSpan.FromSeconds(2.5);

    // Each start compiles, on processors that all of them share.
    private static readonly TimeSpan ReadyLimitOfOne = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReadyLimitMin = TimeSpan.FromSeconds(60);
    private readonly LocalClusterOptions _options;
    private readonly DataDirectory _data;
    private readonly ClusterLog _log;
    private readonly HttpProbe _probe = new();
    private readonly List<Replica> _replicas = [];
    private readonly SemaphoreSlim _restarting = new(1);
    private ManagedProcess? _postgres;
    private ManagedProcess? _redis;
    private ManagedProcess? _gateway;
    private TokenIssuer? _tokens;
    private bool _stopped;

    private TimeSpan ReadyLimit =>
        ReadyLimitOfOne * _options.Replicas is var all && all > ReadyLimitMin ? all : ReadyLimitMin;

    private LocalCluster(LocalClusterOptions options)
    {
        _options = options;
        _data = Local.DataDirectory.Open(options.DataDirectory);
        if (options.Fresh)
        {
            _data.Clear();
        }
        PrivateFiles.CreateDirectory(LogDirectory);
        _log = new ClusterLog(LogDirectory, options.Log);
    }

    /// <summary>The URL of the gateway in front of all replicas, like <c>http://127.0.0.1:28080/</c>.</summary>
    public Uri GatewayUrl { get; } = new($"http://127.0.0.1:{Ports.Next()}");

    public ManagedProcess Gateway => _gateway!;

    public IReadOnlyList<Replica> Replicas => _replicas;

    public ManagedProcess Redis => _redis!;

    public ManagedProcess Postgres => _postgres!;

    /// <summary>The address of Redis, like <c>127.0.0.1:23456</c>.</summary>
    public string RedisAddress { get; private set; } = "";

    /// <summary>The database, for an Npgsql connection of its owner, who may do everything.</summary>
    public string ConnectionString { get; private set; } = "";

    /// <summary>The database as the replicas use it: as a member of <c>points_api</c>.</summary>
    public string ReplicaConnectionString => DatabaseUser.Replica.ConnectionString(ConnectionString);

    /// <summary>A bearer token with the admin role, valid for a day.</summary>
    public string AdminToken { get; private set; } = "";

    public string DataDirectory => _data.Root;

    public string LogDirectory => Path.Combine(_data.Root, "logs");

    /// <summary>The programs in use: PostgreSQL's version and directory, Redis or Garnet, daprd or the stand-in.</summary>
    public string Description { get; private set; } = "";

    /// <summary>Starts everything and waits until every replica is ready.</summary>
    /// <exception cref="LocalException">Something is missing or damaged. No process is left running.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions options, CancellationToken cancellationToken)
    {
        var cluster = new LocalCluster(options);
        try
        {
            await cluster.StartAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a bearer token that the replicas accept.</summary>
    /// <param name="subject">The subject of the token.</param>
    /// <param name="roles">Its roles; <c>admin</c> allows the admin endpoints.</param>
    /// <param name="lifetime">How long it is valid; negative for one that has already expired.</param>
    public string CreateToken(string subject, IEnumerable<string> roles, TimeSpan lifetime) => _tokens!.Create(subject, roles, lifetime);

    /// <summary>
    /// Restarts the replicas one after the other with SIGTERM: each announces its shutdown and finishes its work, and the next one
    /// follows when it is back. Callers of the gateway notice nothing, unless there is only one replica.
    /// </summary>
    /// <exception cref="LocalException">A replica did not come back. Its restart is still retried; the replicas after it were not touched.</exception>
    public async Task RestartReplicasAsync(CancellationToken cancellationToken)
    {
        await _restarting.WaitAsync(cancellationToken);
        try
        {
            foreach (var replica in Replicas)
            {
                await replica.Process.RestartAsync(cancellationToken);
                await replica.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
            }
        }
        finally
        {
            _restarting.Release();
        }
    }

    /// <summary>
    /// Stops everything in order: the gateway accepts no more requests, replicas finish, then sidecars, Redis and Postgres.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopped)
        {
            return;
        }
        _stopped = true;
        foreach (var process in Processes())
        {
            process.AutoRestart = false;
        }
        await StopAsync(OthersGrace, _gateway);
        await Task.WhenAll(_replicas.Select(replica => replica.Process.EndAsync(ApiGrace, CancellationToken.None)));
        await StopAsync(OthersGrace, [.. _replicas.Select(replica => replica.Sidecar), _redis]);
        await StopAsync(PostgresGrace, _postgres);
        foreach (var process in Processes())
        {
            await process.DisposeAsync();
        }
        _probe.Dispose();
        _log.Dispose();
        _data.Dispose();
        _restarting.Dispose();
    }

    private static Task StopAsync(TimeSpan grace, params IEnumerable<ManagedProcess?> processes) =>
        Task.WhenAll(processes.OfType<ManagedProcess>().Select(process => process.StopAsync(grace, CancellationToken.None)));

    private IEnumerable<ManagedProcess> Processes() =>
        new[] { _gateway, _postgres, _redis }.OfType<ManagedProcess>().Concat(_replicas.SelectMany(replica => new[] { replica.Sidecar, replica.Process }));

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var secrets = Secrets.LoadOrCreate(_data.Root);
        _tokens = new TokenIssuer(secrets.SigningKey, TimeProvider.System);
        AdminToken = CreateToken("local-admin", [TokenIssuer.AdminRole], TimeSpan.FromDays(1));

        var redis = new RedisServer(_options.Redis, _data.Redis);
        RedisAddress = redis.Address;
        _redis = new ManagedProcess(redis.Spec(), _log, redis.ProbeAsync);
        _redis.Start();
        var postgres = await StartPostgresAsync(secrets, cancellationToken);
        ConnectionString = postgres.ConnectionString(_options.PoolSize);
        var sidecars = new SidecarSpecs(_options.Sidecar, BuildOutputs.Components, redis.Address);
        Description = $"{postgres.Description}, {redis.Description}, {sidecars.Description}";

        var specs = new ProcessSpecs(_options, ConnectionString, ReplicaConnectionString, secrets.SigningKey, redis.Address);
        foreach (var number in Enumerable.Range(1, _options.Replicas))
        {
            _replicas.Add(Create(string.Create(CultureInfo.InvariantCulture, $"api-{number}"), sidecars, specs));
        }
        _gateway = new ManagedProcess(
            specs.Gateway(GatewayUrl, _replicas.Select(replica => (replica.Name, replica.Url))),
            _log,
            ct => _probe.CheckAsync(new Uri(GatewayUrl, "/health/live"), ct));
        await _redis.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        _replicas.ForEach(replica => replica.Sidecar.Start());
        await MigrateAsync(specs, cancellationToken);
        _replicas.ForEach(replica => replica.Process.Start());
        _gateway.Start();
        await Task.WhenAll(Processes().Select(process => process.WaitUntilReadyAsync(ReadyLimit, cancellationToken)));
        await Task.WhenAll(_replicas.Select(replica => replica.WaitUntilReadyAsync(ReadyLimit, cancellationToken)));
        foreach (var process in Processes())
        {
            process.AutoRestart = _options.AutoRestart;
        }
    }

    private async Task<PostgresServer> StartPostgresAsync(Secrets secrets, CancellationToken cancellationToken)
    {
        var binaries = await PostgresChoice.ChooseAsync(_options.Postgres, _data.Postgres, _log.Say, cancellationToken);
        var server = new PostgresServer(_data, secrets, binaries, Ports.Next());
        await server.PrepareAsync(_log.Say, cancellationToken);
        // Each replica's pool, the migration, and a few for manual queries.
        var connections = (_options.Replicas * _options.PoolSize) + 20;
        _postgres = new ManagedProcess(server.Spec(connections, _options.PostgresSettings), _log, server.ProbeAsync);
        _postgres.Start();
        await _postgres.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        await DatabaseUser.Replica.EnsureAsync(server.ConnectionString(1), cancellationToken);
        return server;
    }

    private Replica Create(string name, SidecarSpecs sidecars, ProcessSpecs specs)
    {
        var url = new Uri($"http://127.0.0.1:{Ports.Next()}");
        var (http, grpc) = (Ports.Next(), Ports.Next());
        var sidecarSpec = sidecars.Spec("sidecar-" + name[4..], http, grpc);
        sidecarSpec = sidecarSpec with
        {
            Environment = new Dictionary<string, string?>(sidecarSpec.Environment.Concat(specs.TelemetryOf("point-sidecar", name))),
        };
        var sidecar = new ManagedProcess(sidecarSpec, _log, ct => _probe.CheckAsync(new Uri($"http://127.0.0.1:{http}/v1.0/healthz/outbound"), ct));
        var process = new ManagedProcess(specs.Replica(name, url, http, grpc), _log, ct => _probe.CheckAsync(new Uri(url, "/health/ready"), ct));
        return new Replica(name, url, process, sidecar, http, grpc, UntilReadyAsync);
    }

    private async Task MigrateAsync(ProcessSpecs specs, CancellationToken cancellationToken)
    {
        var (exitCode, lines) = await OneShot.RunAsync(specs.Migration(), line => _log.Write("migrate", line), MigrationLimit, cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalException($"The database could not be migrated (exit code {exitCode}). Its last lines:\n{string.Join('\n', lines.TakeLast(15))}");
        }
    }

    /// <summary>
    /// Waits for the replica, and then until the gateway sees it as ready: the gateway's view may still be that of the previous process.
    /// </summary>
    private async Task UntilReadyAsync(Replica replica, TimeSpan limit, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        await replica.Process.WaitUntilReadyAsync(limit, cancellationToken);
        while (!await _probe.CheckAsync(new Uri(GatewayUrl, "/health/ready"), $"{replica.Name} is ready.", cancellationToken))
        {
            if (watch.Elapsed > limit)
            {
                var isReady = await replica.Process.ProbeAsync(cancellationToken);
                throw new TimeoutException(
                    $"The gateway did not see {replica.Name} as ready within {limit.TotalSeconds:0} s. It {(isReady ? "is" : "is not")} ready, "
                    + $"process {replica.Process.ProcessId?.ToString(CultureInfo.InvariantCulture) ?? "none"}, restarts {replica.Process.Restarts}, "
                    + $"last exit code {replica.Process.ExitCode?.ToString(CultureInfo.InvariantCulture) ?? "none"}.\n{replica.Process.Tail()}\n{Gateway.Tail()}");
            }
            await Task.Delay(20, cancellationToken);
        }
    }
}
