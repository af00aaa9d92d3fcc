namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>point_accumulations</c>: a lot.</summary>
internal sealed class AccumulationRow
{
    public long MemberId { get; init; }

    public long LotId { get; init; }

    public required string PointKey { get; init; }

    public long Amount { get; init; }

    public long AvailableAmount { get; set; }

    public long UsedAmount { get; set; }

    public long CancelledAmount { get; set; }

    public long ExpiredAmount { get; set; }

    public DateOnly ExpirationDate { get; init; }

    public bool IsManualGrant { get; init; }

    public string? SourcePointKey { get; init; }

    /// <summary>
    /// Computed: whether points are available. Indexes use this column and not the amount, so that drawing a part stays a heap-only
    /// update.
    /// </summary>
    public bool IsOpen { get; private set; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; set; }
}
