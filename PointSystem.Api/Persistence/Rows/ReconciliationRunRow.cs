namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>reconciliation_runs</c>: a run over all members, with its progress, so that it can be resumed.</summary>
internal sealed class ReconciliationRunRow
{
    public long Id { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Null while members are left.</summary>
    public DateTimeOffset? FinishedAt { get; set; }

    public required string StartedBy { get; init; }

    /// <summary>It was interrupted, and went on where it had stopped.</summary>
    public bool Resumed { get; set; }

    /// <summary>The runner that works on it; null when none does. One that died is recognised by <see cref="UpdatedAt"/>.</summary>
    public Guid? Runner { get; set; }

    /// <summary>Every member up to this one is done.</summary>
    public long LastMemberId { get; set; }

    public long Matched { get; set; }

    public long Corrected { get; set; }

    public long Broken { get; set; }

    /// <summary>Members that could not be looked at.</summary>
    public long Failed { get; set; }

    /// <summary>JSON: the reports of members that did not match, at most so many as the run keeps.</summary>
    public required string Details { get; set; }
}
