using PointSystem.Local.Telemetry;

namespace PointSystem.Local.Cluster;

/// <summary>What a local cluster consists of. Every property has a default that works.</summary>
public sealed class LocalClusterOptions
{
    public const int ReplicasMax = 16;

    /// <summary>API replicas, each with a sidecar of its own, 1 … 16. Default 3.</summary>
    public int Replicas { get; set; } = 3;

    /// <summary>The gateway's port on the loopback interface, 0 … 65535; 0 = any free one. Default 0.</summary>
    public int Port { get; set; }

    /// <summary>Where Postgres' data, logs and secrets lie. Default: a folder of the user's own for this repository.</summary>
    public string? DataDirectory { get; set; }

    /// <summary>Deletes what is in the data directory first. Default false.</summary>
    public bool Fresh { get; set; }

    /// <summary>An Npgsql connection string of a database to use instead of starting PostgreSQL. Default null.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The path of PointSystem.Api.dll. Default: POINTSYSTEM_API, what the app host was built with, or the file beside this program.</summary>
    public string? ApiAssembly { get; set; }

    /// <summary>Dapr component files. Default: the repository's <c>components</c>.</summary>
    public string? ComponentsDirectory { get; set; }

    /// <summary>Pooled database connections of each replica, 1 … 200. Default 30.</summary>
    public int PoolSize { get; set; } = 30;

    /// <summary>Whether a child that dies is started again. Default true.</summary>
    public bool AutoRestart { get; set; } = true;

    /// <summary>Which PostgreSQL: null = installed, else from npm; <c>npm</c> = from npm. Default: POINTSYSTEM_POSTGRES.</summary>
    public string? Postgres { get; set; } = System.Environment.GetEnvironmentVariable("POINTSYSTEM_POSTGRES");

    /// <summary>Which Redis: null = installed, else Garnet; <c>garnet</c> = Garnet. Default: POINTSYSTEM_REDIS.</summary>
    public string? Redis { get; set; } = System.Environment.GetEnvironmentVariable("POINTSYSTEM_REDIS");

    /// <summary>Which sidecar: null = daprd if found, else the stand-in; <c>stand-in</c> = the stand-in. Default: POINTSYSTEM_SIDECAR.</summary>
    public string? Sidecar { get; set; } = System.Environment.GetEnvironmentVariable("POINTSYSTEM_SIDECAR");

    /// <summary>More environment for every replica; null removes a variable.</summary>
    public IDictionary<string, string?> ApiEnvironment { get; } = new Dictionary<string, string?>();

    /// <summary>More environment for one replica, by its name (<c>api-1</c> …).</summary>
    public Func<string, IReadOnlyDictionary<string, string?>>? ReplicaEnvironment { get; set; }

    /// <summary>
    /// OpenTelemetry's variables (<c>OTEL_…</c>) for the replicas, the sidecars and the gateway, which are named to the collector one by one.
    /// Default: those of this process. Without OTEL_EXPORTER_OTLP_ENDPOINT among them nothing is sent.
    /// </summary>
    public IDictionary<string, string?> Telemetry { get; } = TelemetryVariables.OfThisProcess().ToDictionary();

    /// <summary>
    /// Starts Aspire's dashboard, from the installed Aspire CLI or from npm, and sends it the telemetry of all parts instead of elsewhere. Where it cannot be
    /// had, the cluster runs without it and says so. Default false.
    /// </summary>
    public bool Dashboard { get; set; }

    /// <summary>More settings for the PostgreSQL server that is started, by name.</summary>
    public IDictionary<string, string> PostgresSettings { get; } = new Dictionary<string, string>();

    /// <summary>Gets every line of the merged log, from several threads.</summary>
    public Action<LogLine>? Log { get; set; }

    /// <exception cref="LocalException">A value is out of its range.</exception>
    internal void Validate()
    {
        if (Replicas is < 1 or > ReplicasMax)
        {
            throw new LocalException($"--replicas must be a whole number from 1 to {ReplicasMax}.");
        }
        if (Port is < 0 or > 65535)
        {
            throw new LocalException("--port must be a whole number from 0 to 65535 (0 = any free port).");
        }
        if (PoolSize is < 1 or > 200)
        {
            throw new LocalException("PoolSize must be from 1 to 200.");
        }
        if (ConnectionString is not null && Fresh)
        {
            throw new LocalException("--fresh deletes only data directories of our own: leave it out, or leave out the connection string.");
        }
    }
}
