using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>Options of reconciliation; section <c>Reconciliation</c>.</summary>
internal sealed class ReconciliationOptions
{
    public const string SectionName = "Reconciliation";

    /// <summary>
    /// Members inspected together, after which progress is stored, 1 … 10,000; default 500. Halved while a chunk exceeds its timeout.
    /// </summary>
    [Range(1, 10_000)]
    public int ChunkSize { get; set; } = 500;

    /// <summary>
    /// Maximum time of a statement over several members; after it, the chunk is halved. 10 ms … 10 minutes; default 10 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:10:00")]
    public TimeSpan ChunkTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Maximum time of a statement over one member. 10 ms … 1 hour; default 2 minutes, which is enough for millions of entries.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "01:00:00")]
    public TimeSpan MemberTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Time between two looks for a run that no replica works on. 100 ms … 1 hour; default 10 s. A new run starts immediately.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);
}
