namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>point_usages</c>.</summary>
internal sealed class UsageRow
{
    public long MemberId { get; init; }

    public long UsageId { get; init; }

    public required string PointKey { get; init; }

    public required string OrderNumber { get; init; }

    public long TotalAmount { get; init; }

    public long CancelledAmount { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>A row of <c>point_usage_details</c>: what a usage drew from one lot.</summary>
internal sealed class UsageDetailRow
{
    public long MemberId { get; init; }

    public long UsageId { get; init; }

    /// <summary>Position in draw order, from 1.</summary>
    public int DetailNumber { get; init; }

    public long LotId { get; init; }

    public long Amount { get; init; }

    public long CancelledAmount { get; set; }
}

/// <summary>A row of <c>usage_cancellations</c>. Its parts are the ledger entries from the first to the last sequence.</summary>
internal sealed class UsageCancellationRow
{
    public long MemberId { get; init; }

    public long FirstSequence { get; init; }

    public long LastSequence { get; init; }

    public required string PointKey { get; init; }

    public long UsageId { get; init; }

    public long Amount { get; init; }

    public string? Reason { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A row of <c>point_transfers</c>, stored under the member that gives.</summary>
internal sealed class TransferRow
{
    public long MemberId { get; init; }

    public long FirstSequence { get; init; }

    public required string PointKey { get; init; }

    public long ToMemberId { get; init; }

    public long Amount { get; init; }

    public string? Reason { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}
