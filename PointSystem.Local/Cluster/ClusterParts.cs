using PointSystem.Local.Dashboard;
using PointSystem.Local.Gateway;
using PointSystem.Local.Postgres;
using PointSystem.Local.Processes;
using PointSystem.Local.Redis;
using PointSystem.Local.Telemetry;

namespace PointSystem.Local.Cluster;

/// <summary>Starts the parts of a cluster one after the other, and stops what has been started in the opposite order.</summary>
internal sealed class ClusterParts : IAsyncDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MigrationLimit = TimeSpan.FromMinutes(5);

    // Together with the gateway's second these stay below the ten that a stop may take.
    private static readonly TimeSpan ApiGrace = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SidecarGrace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RedisGrace = TimeSpan.FromSeconds(0.7);
    private static readonly TimeSpan PostgresGrace = TimeSpan.FromSeconds(2.5);
    private readonly LocalClusterOptions _options;
    private readonly ClusterLog _log;
    private readonly HttpProbe _probe = new();
    private readonly List<Upstream> _upstreams = [];
    private readonly List<Replica> _replicas = [];
    private readonly List<ReplicaWatch> _watches = [];
    private readonly CancellationTokenSource _stopping = new();
    private IReadOnlyDictionary<string, string?> _telemetry = new Dictionary<string, string?>();
    private DataDirectory? _data;
    private TokenIssuer? _tokens;

    public ClusterParts(LocalClusterOptions options)
    {
        _options = options;
        _log = new ClusterLog(options.Log);
        Reaper = new Reaper(Say);
    }

    public DataDirectory Data => _data!;

    public TokenIssuer Tokens => _tokens!;

    public Reaper Reaper { get; }

    public GatewayServer? Gateway { get; private set; }

    public ManagedProcess? Postgres { get; private set; }

    public ManagedProcess? Redis { get; private set; }

    public ManagedProcess? Dashboard { get; private set; }

    public Uri? DashboardUrl { get; private set; }

    public IReadOnlyList<Replica> Replicas => _replicas;

    public string ConnectionString { get; private set; } = "";

    public string RedisAddress { get; private set; } = "";

    public string Description { get; private set; } = "";

    public IEnumerable<ManagedProcess> Processes() =>
        new[] { Dashboard, Postgres, Redis }.OfType<ManagedProcess>().Concat(_replicas.SelectMany(replica => new[] { replica.Sidecar, replica.Process }));

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var api = BuildPaths.Api(_options);
        var components = BuildPaths.Components(_options);
        _data = DataDirectory.Open(_options.DataDirectory ?? DataDirectory.Default(BuildPaths.RepositoryRoot()));
        await OrphanedPostgres.EndAsync(_data.Postgres, Say, cancellationToken);
        if (_options.Fresh)
        {
            _data.Clear();
        }
        _log.WriteFilesTo(_data.Logs);
        var secrets = Secrets.LoadOrCreate(_data.Root);
        _tokens = new TokenIssuer(secrets.SigningKey, TimeProvider.System);
        for (var number = 1; number <= _options.Replicas; number++)
        {
            _upstreams.Add(new Upstream($"api-{number}", new Uri($"http://127.0.0.1:{Ports.Next()}")));
        }
        var dashboard = _options.Dashboard ? await FindDashboardAsync(cancellationToken) : null;
        _telemetry = dashboard?.Redirect(_options.Telemetry.AsReadOnly()) ?? _options.Telemetry.AsReadOnly();
        // First, so that a taken port is said before anything is started.
        Gateway = await GatewayServer.StartAsync(
            _options.Port, _upstreams, _log, TelemetryVariables.For(_telemetry, "point-gateway", "gateway"), cancellationToken);
        Reaper.Start();
        var startDashboard = dashboard is null ? Task.CompletedTask : StartDashboardAsync(dashboard, cancellationToken);

        var redis = new RedisServer(_options.Redis, _data.Redis);
        RedisAddress = redis.Address;
        var startRedis = StartRedisAsync(redis, cancellationToken);
        try
        {
            await StartDatabaseAsync(secrets, cancellationToken);
        }
        finally
        {
            // Never left behind half started, whatever became of the database.
            await Task.WhenAll(startRedis, startDashboard);
        }
        var sidecars = new SidecarSpecs(_options.Sidecar, components, redis.Address, _telemetry);
        Description = $"{Description}, {redis.Description}, {sidecars.Description}";
        var specs = new ApiSpecs(_options, api, ConnectionString, secrets.SigningKey, _telemetry);
        StartSidecars(sidecars, specs);
        await MigrateAsync(specs, cancellationToken);
        await StartReplicasAsync(cancellationToken);
        foreach (var process in Processes())
        {
            process.AutoRestart = _options.AutoRestart;
        }
    }

    /// <summary>Safe to call whatever has been started, and whatever hangs.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in Processes())
        {
            process.AutoRestart = false;
        }
        if (Gateway is not null)
        {
            await Gateway.StopAsync();
        }
        await _stopping.CancelAsync();
        await Task.WhenAll(_replicas.Select(replica => replica.Process.EndAsync(ApiGrace, CancellationToken.None)));
        await Task.WhenAll(_replicas.Select(replica => replica.Sidecar.StopAsync(SidecarGrace, CancellationToken.None)));
        // The dashboard has had the last words of the others by now.
        await Task.WhenAll(new[] { Redis, Dashboard }.OfType<ManagedProcess>().Select(process => process.StopAsync(RedisGrace, CancellationToken.None)));
        await (Postgres?.StopAsync(PostgresGrace, CancellationToken.None) ?? Task.CompletedTask);
        foreach (var process in Processes())
        {
            await process.DisposeAsync();
        }
        Reaper.Dispose();
        if (Gateway is not null)
        {
            await Gateway.DisposeAsync();
        }
        _watches.ForEach(watch => watch.Dispose());
        _upstreams.ForEach(upstream => upstream.Dispose());
        _probe.Dispose();
        _log.Dispose();
        _data?.Dispose();
        _stopping.Dispose();
    }

    public void Say(string text) => _log.Write(ClusterLog.Runner, text);

    private async Task StartRedisAsync(RedisServer server, CancellationToken cancellationToken)
    {
        Say($"Starting {server.Description} ...");
        Redis = new ManagedProcess(server.Spec(), Reaper, _log, server.ProbeAsync);
        Redis.Start();
        await Redis.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
    }

    private async Task<DashboardServer?> FindDashboardAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new DashboardServer(await AspireCli.GetAsync(DataDirectory.Cache(), Say, cancellationToken));
        }
        catch (Exception missing) when (missing is LocalException or IOException or UnauthorizedAccessException)
        {
            Say($"The run goes on without the dashboard. {missing.Message}");
            return null;
        }
    }

    private async Task StartDashboardAsync(DashboardServer server, CancellationToken cancellationToken)
    {
        Say("Starting Aspire's dashboard ...");
        Dashboard = new ManagedProcess(server.Spec(), Reaper, _log, ct => _probe.AskAsync(server.Health, ct));
        Dashboard.Start();
        try
        {
            await Dashboard.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
            DashboardUrl = server.Url;
        }
        catch (LocalException failure)
        {
            Say($"The run goes on without the dashboard. {failure.Message}");
            await Dashboard.StopAsync(RedisGrace, cancellationToken);
            _telemetry = _options.Telemetry.AsReadOnly();
        }
    }

    private async Task StartDatabaseAsync(Secrets secrets, CancellationToken cancellationToken)
    {
        if (_options.ConnectionString is not null)
        {
            Say("Using the database of the given connection string ...");
            ConnectionString = await GivenDatabase.CheckAsync(_options.ConnectionString, _options.PoolSize, cancellationToken);
            Description = "the given PostgreSQL";
            return;
        }
        var binaries = await PostgresChoice.ChooseAsync(_options.Postgres, Data.Postgres, Say, cancellationToken);
        var server = new PostgresServer(Data, secrets, binaries);
        await server.PrepareAsync(Reaper, Say, cancellationToken);
        Say($"Starting {server.Description} ...");
        // Each replica's pool, the migration, and room for a person who looks.
        var connections = (_options.Replicas * _options.PoolSize) + 20;
        Postgres = new ManagedProcess(server.Spec(connections, _options.PostgresSettings), Reaper, _log, server.ProbeAsync);
        Postgres.Start();
        try
        {
            await Postgres.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        }
        catch (LocalException) when (!Postgres.IsRunning)
        {
            throw new LocalException(
                $"PostgreSQL does not start on {Data.Postgres}: put a backup of it back, or start anew with --fresh, which deletes all points. It said:\n{Postgres.Tail()}");
        }
        ConnectionString = server.ConnectionString(_options.PoolSize);
        Description = server.Description;
    }

    private void StartSidecars(SidecarSpecs sidecars, ApiSpecs specs)
    {
        Say($"Starting {_upstreams.Count} sidecars: {sidecars.Description} ...");
        foreach (var upstream in _upstreams)
        {
            var (http, grpc) = (Ports.Next(), Ports.Next());
            var healthz = new Uri($"http://127.0.0.1:{http}/v1.0/healthz/outbound");
            var sidecar = new ManagedProcess(
                sidecars.Spec("sidecar-" + upstream.Name[4..], http, grpc), Reaper, _log, ct => _probe.AskAsync(healthz, ct));
            var ready = new Uri(upstream.Url, "/health/ready");
            var process = new ManagedProcess(specs.Replica(upstream.Name, upstream.Url, http, grpc), Reaper, _log, ct => _probe.AskAsync(ready, ct));
            process.Changed += changed =>
            {
                if (!changed.IsRunning)
                {
                    upstream.Set(UpstreamState.Down);
                }
            };
            upstream.StateChanged += SayState;
            _replicas.Add(new Replica(upstream, process, sidecar, http, grpc));
            sidecar.Start();
        }
    }

    private async Task MigrateAsync(ApiSpecs specs, CancellationToken cancellationToken)
    {
        Say("Migrating the database ...");
        try
        {
            var (exitCode, lines) = await OneShot.RunAsync(
                specs.Migration(), Reaper, line => _log.Write("migrate", line), MigrationLimit, cancellationToken);
            if (exitCode != 0)
            {
                throw new LocalException(
                    $"The database could not be migrated (exit code {exitCode}); the whole log is {Path.Combine(Data.Logs, "migrate.log")}. Its last lines:\n"
                    + string.Join('\n', lines.TakeLast(15).Select(line => "    " + line)));
            }
        }
        catch (TimeoutException e)
        {
            throw new LocalException($"The migration of the database did not end within {MigrationLimit.TotalMinutes:0} minutes: see {Data.Logs}.", e);
        }
    }

    private async Task StartReplicasAsync(CancellationToken cancellationToken)
    {
        Say($"Starting {_replicas.Count} replicas ...");
        foreach (var (replica, upstream) in _replicas.Zip(_upstreams))
        {
            replica.Process.Start();
            var watch = new ReplicaWatch(upstream, () => replica.Process.IsRunning, TimeProvider.System);
            _watches.Add(watch);
            _ = watch.RunAsync(_stopping.Token);
        }
        await Task.WhenAll(_replicas.Select(async replica =>
        {
            await replica.Sidecar.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
            await replica.Process.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
            await replica.WaitUntilReadyAsync(ReadyLimit, cancellationToken);
        }));
    }

    private void SayState(Upstream upstream)
    {
        if (!_stopping.IsCancellationRequested)
        {
            _log.Write(ClusterLog.Gateway, upstream.Describe());
        }
    }
}
