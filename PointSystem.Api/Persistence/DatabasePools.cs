using System.ComponentModel.DataAnnotations;
using Npgsql;

namespace PointSystem.Api.Persistence;

/// <summary>Options of concurrent reads; section <c>Reads</c>.</summary>
internal sealed class ReadOptions
{
    public const string SectionName = "Reads";

    /// <summary>
    /// Maximum number of connections for reads, 1 … 100; default 8. At most a quarter of the connection string's <c>Maximum Pool Size</c>
    /// is used for them.
    /// </summary>
    [Range(1, 100)]
    public int Connections { get; set; } = 8;

    /// <summary>Reads that may wait for one of these connections, 0 … 10,000; default 200. Further ones are refused with 429.</summary>
    [Range(0, 10_000)]
    public int QueueLimit { get; set; } = 200;

    /// <summary>How long a read may wait for a connection before it is refused with 429. 0 … 1 minute; default 2 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00")]
    public TimeSpan QueueWait { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one statement of a read may run. 100 ms … 10 minutes; default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// The connections of one replica, in three pools, so that slow reads do not delay writes, readiness probes or reads of the rules.
/// Together they have the connection string's <c>Maximum Pool Size</c>, but each has at least one.
/// </summary>
/// <param name="Writes">Connections of the unnamed <see cref="NpgsqlDataSource"/>: writes, jobs, configuration.</param>
/// <param name="Reads">Connections of the data source <see cref="ReadPool"/>.</param>
/// <param name="Control">Connections of the data source <see cref="ControlPool"/>.</param>
internal sealed record DatabasePools(int Writes, int Reads, int Control)
{
    /// <summary>Key of the data source for reads of points and for reconciliation.</summary>
    public const string ReadPool = "points-reads";

    /// <summary>Key of the data source for readiness probes and for the rules in effect.</summary>
    public const string ControlPool = "points-control";

    /// <summary>Divides a pool of the given size.</summary>
    public static DatabasePools Of(int size, int reads)
    {
        var control = size >= 8 ? 2 : 1;
        reads = Math.Clamp(size / 4, 1, reads);
        return new DatabasePools(Math.Max(1, size - reads - control), reads, control);
    }
}
