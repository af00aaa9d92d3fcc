using System.ComponentModel.DataAnnotations;

namespace PointSystem.Api.Features.Reconciliation;

/// <summary>How all members are reconciled; section <c>Reconciliation</c>.</summary>
internal sealed class ReconciliationOptions
{
    public const string SectionName = "Reconciliation";

    /// <summary>Members looked at together, after which progress is kept, 1 … 10,000; default 500. Halved while such a chunk runs into a timeout.</summary>
    [Range(1, 10_000)]
    public int ChunkSize { get; set; } = 500;

    /// <summary>How long a statement over several members may run before the chunk is halved. 10 ms … 10 minutes; default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:10:00")]
    public TimeSpan ChunkTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a statement over one member may run. 10 ms … 1 hour; default 2 minutes, which is enough for millions of entries.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "01:00:00")]
    public TimeSpan MemberTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Pause between two looks for a run that no replica works on. 100 ms … 1 hour; default 10 s. A new run begins at once.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);
}
