using PointSystem.Local.Processes;

namespace PointSystem.Local.Cluster;

/// <summary>The whole product on this machine: Postgres, Redis, API replicas with their sidecars, and one gateway in front.</summary>
/// <remarks>Everything it starts ends with it: on <see cref="DisposeAsync"/> in order and within 10 s, and also when this process is killed.</remarks>
public sealed class LocalCluster : IAsyncDisposable
{
    private readonly ClusterParts _parts;
    private readonly SemaphoreSlim _restarting = new(1);
    private bool _stopped;

    private LocalCluster(ClusterParts parts) => _parts = parts;

    /// <summary>The one URL in front of all replicas, like <c>http://localhost:8080/</c>.</summary>
    public Uri GatewayUrl => _parts.Gateway!.Url;

    public IReadOnlyList<Replica> Replicas => _parts.Replicas;

    public ManagedProcess Redis => _parts.Redis!;

    /// <summary>The address of Redis, like <c>127.0.0.1:23456</c>.</summary>
    public string RedisAddress => _parts.RedisAddress;

    /// <summary>Null when a connection string was given.</summary>
    public ManagedProcess? Postgres => _parts.Postgres;

    /// <summary>The database of the replicas, for an Npgsql connection.</summary>
    public string ConnectionString => _parts.ConnectionString;

    /// <summary>Aspire's dashboard, which shows traces, metrics and logs; null where it was not asked for or cannot be had.</summary>
    public Uri? DashboardUrl => _parts.DashboardUrl;

    /// <summary>A bearer token with the admin role, valid for 30 days.</summary>
    public string AdminToken { get; private set; } = "";

    public string DataDirectory => _parts.Data.Root;

    public string LogDirectory => _parts.Data.Logs;

    /// <summary>The process that ends what a killed runner leaves behind.</summary>
    public int? ReaperProcessId => _parts.Reaper.ProcessId;

    /// <summary>What stands for what: PostgreSQL's version and place, Redis or Garnet, daprd or the stand-in.</summary>
    public string Description => _parts.Description;

    /// <summary>Starts everything and waits until every replica is ready.</summary>
    /// <exception cref="LocalException">Something is missing, taken or damaged. Nothing is left running.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions options, CancellationToken cancellationToken)
    {
        options.Validate();
        var parts = new ClusterParts(options);
        try
        {
            await parts.StartAsync(cancellationToken);
            var cluster = new LocalCluster(parts);
            cluster.AdminToken = cluster.CreateToken("local-admin", [TokenIssuer.AdminRole], TimeSpan.FromDays(30));
            return cluster;
        }
        catch
        {
            await parts.DisposeAsync();
            throw;
        }
    }

    /// <summary>Signs a bearer token that the replicas accept.</summary>
    /// <param name="subject">Who the token speaks for.</param>
    /// <param name="roles">Its roles; <c>admin</c> opens the admin endpoints.</param>
    /// <param name="lifetime">How long it is valid; negative for one that has expired already.</param>
    public string CreateToken(string subject, IEnumerable<string> roles, TimeSpan lifetime) => _parts.Tokens.Create(subject, roles, lifetime);

    /// <summary>Memory of every process of the cluster, this one included as <c>runner</c>.</summary>
    public MemoryReport ReadMemory() => MemoryReport.Of(_parts.Processes()
        .Select(process => (process.Name, Id: process.ProcessId))
        .Append((Name: "reaper", Id: ReaperProcessId))
        .Prepend((Name: "runner", Id: Environment.ProcessId))
        .Where(process => process.Id is not null)
        .Select(process => (process.Name, process.Id!.Value)));

    /// <summary>
    /// Restarts the replicas one after the other, each with SIGTERM: it says that it goes, finishes what it has, and the next one follows when it is back.
    /// Callers of the gateway notice nothing, unless there is one replica only.
    /// </summary>
    /// <exception cref="LocalException">A replica did not come back. It is tried on; those after it were left alone.</exception>
    public async Task RestartReplicasAsync(CancellationToken cancellationToken)
    {
        await _restarting.WaitAsync(cancellationToken);
        try
        {
            foreach (var replica in Replicas)
            {
                _parts.Say($"Restarting {replica.Name} ...");
                await replica.RestartAsync(cancellationToken);
            }
            _parts.Say($"All {Replicas.Count} replicas have been restarted.");
        }
        finally
        {
            _restarting.Release();
        }
    }

    /// <summary>Ends everything in order: the gateway takes no more, replicas finish, then sidecars, Redis and Postgres. Within 10 s, whatever hangs.</summary>
    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            await _parts.DisposeAsync();
            _restarting.Dispose();
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();
}
