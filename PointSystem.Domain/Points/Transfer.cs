namespace PointSystem.Domain.Points;

/// <summary>Points transferred from one member to another.</summary>
/// <param name="Key">Its key.</param>
/// <param name="FromMemberId">The sender.</param>
/// <param name="ToMemberId">The receiver.</param>
/// <param name="Amount">Transferred points, at least 1.</param>
/// <param name="Parts">One per lot drawn from: the sender's lot and the receiver's new lot.</param>
/// <param name="CreatedAt">Time of the transfer.</param>
/// <param name="Reason">Optional reason.</param>
public sealed record Transfer(
    PointKey Key,
    long FromMemberId,
    long ToMemberId,
    long Amount,
    IReadOnlyList<TransferPart> Parts,
    DateTimeOffset CreatedAt,
    string? Reason)
{
    /// <summary>Ledger sequence of its first entry in the sender's journal.</summary>
    public required long FirstSequence { get; init; }
}

/// <summary>The part of a transfer that came from one lot.</summary>
public sealed record TransferPart(PointKey SourceKey, Lot Lot);
