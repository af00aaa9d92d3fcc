using PointSystem.Local.Postgres;
using PointSystem.Local.Sidecar;

namespace PointSystem.TestKit;

/// <summary>The parts of a local cluster. All optional properties have working defaults.</summary>
public sealed class LocalClusterOptions
{
    /// <summary>API replicas, each with its own sidecar, 1 … 16. Default 3.</summary>
    public int Replicas { get; set; } = 3;

    /// <summary>Directory of Postgres' data, logs and secrets. Required.</summary>
    public required string DataDirectory { get; set; }

    /// <summary>Deletes the contents of the data directory first. Default false.</summary>
    public bool Fresh { get; set; }

    /// <summary>The program of the replicas. Default: <see cref="BuildOutputs.Api"/>.</summary>
    public string? ApiAssembly { get; set; }

    /// <summary>Pooled database connections of each replica, 1 … 200. Default 30.</summary>
    public int PoolSize { get; set; } = 30;

    /// <summary>Whether a child process that dies is restarted. Default true.</summary>
    public bool AutoRestart { get; set; } = true;

    /// <summary>Which PostgreSQL: null = installed, otherwise from npm; <c>npm</c> = from npm. Default: POINTSYSTEM_POSTGRES.</summary>
    public string? Postgres { get; set; } = PostgresChoice.FromEnvironment;

    /// <summary>Which Redis: null = installed, otherwise Garnet; <c>garnet</c> = Garnet. Default: POINTSYSTEM_REDIS.</summary>
    public string? Redis { get; set; } = Environment.GetEnvironmentVariable("POINTSYSTEM_REDIS");

    /// <summary>
    /// Which sidecar: null = daprd if found, otherwise the stand-in; <c>stand-in</c> = the stand-in. Default: POINTSYSTEM_SIDECAR.
    /// </summary>
    public string? Sidecar { get; set; } = Environment.GetEnvironmentVariable("POINTSYSTEM_SIDECAR");

    /// <summary>Whether the replicas have a balance cache, in the Redis of the locks. Default false.</summary>
    public bool BalanceCache { get; set; }

    /// <summary>The port on which the caller runs a standby of the database, from which the replicas read; null for none.</summary>
    public int? StandbyPort { get; set; }

    /// <summary>Additional environment variables for every replica; null removes a variable.</summary>
    public IDictionary<string, string?> ApiEnvironment { get; } = new Dictionary<string, string?>();

    /// <summary>Additional environment variables for one replica, by its name (<c>api-1</c> …).</summary>
    public Func<string, IReadOnlyDictionary<string, string?>>? ReplicaEnvironment { get; set; }

    /// <summary>Additional environment variables for the gateway; null removes a variable.</summary>
    public IDictionary<string, string?> GatewayEnvironment { get; } = new Dictionary<string, string?>();

    /// <summary>
    /// OpenTelemetry's variables (<c>OTEL_…</c>) for replicas, sidecars and gateway, each with its own identity. Default: those of this
    /// process. Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is sent.
    /// </summary>
    public IDictionary<string, string?> Telemetry { get; } = TelemetryVariables.FromEnvironment().ToDictionary();

    /// <summary>Additional settings for the PostgreSQL server, by name.</summary>
    public IDictionary<string, string> PostgresSettings { get; } = new Dictionary<string, string>();

    /// <summary>Receives every line of the merged log, from several threads.</summary>
    public Action<LogLine>? Log { get; set; }
}
