namespace PointSystem.Domain.Points;

/// <summary>Points spent on an order (사용).</summary>
public sealed class Usage
{
    /// <summary>The member's ledger sequence of its first entry: unique per member.</summary>
    public required long Id { get; init; }

    public required long MemberId { get; init; }

    public required PointKey Key { get; init; }

    /// <summary>The order the points were spent on, 1 … 100 characters.</summary>
    public required string OrderNumber { get; init; }

    /// <summary>Points spent, at least 1; the sum of the details.</summary>
    public required long TotalAmount { get; init; }

    /// <summary>Points cancelled so far, 0 … TotalAmount; the sum over the details.</summary>
    public long CancelledAmount { get; set; }

    /// <summary>The points drawn from each lot, in the order of drawing.</summary>
    public required IReadOnlyList<UsageDetail> Details { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long RemainingAmount => TotalAmount - CancelledAmount;

    public UsageStatus Status =>
        CancelledAmount == 0 ? UsageStatus.Used
        : CancelledAmount < TotalAmount ? UsageStatus.PartiallyCancelled
        : UsageStatus.FullyCancelled;
}

/// <summary>The part of a usage drawn from one lot.</summary>
public sealed class UsageDetail
{
    /// <summary>Position in the order of drawing, from 1.</summary>
    public required int Number { get; init; }

    public required long LotId { get; init; }

    public required PointKey LotKey { get; init; }

    /// <summary>Points drawn, at least 1.</summary>
    public required long Amount { get; init; }

    /// <summary>Cancelled points of this detail, 0 … Amount.</summary>
    public long CancelledAmount { get; set; }
}
