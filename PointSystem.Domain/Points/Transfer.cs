namespace PointSystem.Domain.Points;

/// <summary>Points given by one member to another.</summary>
/// <param name="Key">Its key.</param>
/// <param name="FromMemberId">The giver.</param>
/// <param name="ToMemberId">The receiver.</param>
/// <param name="Amount">Points given, at least 1.</param>
/// <param name="Parts">One for each lot drawn from: the lot of the giver and the lot that the receiver got.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="Reason">Why, if said.</param>
public sealed record Transfer(
    PointKey Key,
    long FromMemberId,
    long ToMemberId,
    long Amount,
    IReadOnlyList<TransferPart> Parts,
    DateTimeOffset CreatedAt,
    string? Reason)
{
    /// <summary>Ledger sequence, with the giver, of its first entry.</summary>
    public required long FirstSequence { get; init; }
}

/// <summary>The part of a transfer that came from one lot.</summary>
public sealed record TransferPart(PointKey SourceKey, Lot Lot);
