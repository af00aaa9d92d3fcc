namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>reconciliation_runs</c>: a run over all members with its progress, so that it can be continued.</summary>
internal sealed class ReconciliationRunRow
{
    public long Id { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Null while the run is unfinished.</summary>
    public DateTimeOffset? FinishedAt { get; set; }

    public required string StartedBy { get; init; }

    /// <summary>Whether it was interrupted and then continued.</summary>
    public bool Resumed { get; set; }

    /// <summary>The runner that works on it; null if there is none. A failed runner is recognised by <see cref="UpdatedAt"/>.</summary>
    public Guid? Runner { get; set; }

    /// <summary>All members up to this id are done.</summary>
    public long LastMemberId { get; set; }

    public long Matched { get; set; }

    public long Corrected { get; set; }

    public long Broken { get; set; }

    /// <summary>Members that could not be checked.</summary>
    public long Failed { get; set; }

    /// <summary>JSON: the reports of members that did not match, at most 1,000.</summary>
    public required string Details { get; set; }
}
