namespace PointSystem.Domain.Points;

/// <summary>A full or partial cancellation of a usage (사용 취소), with a key of its own.</summary>
/// <param name="Key">Its own key.</param>
/// <param name="Usage">The usage, as it is after the cancellation.</param>
/// <param name="Amount">Points given back, at least 1.</param>
/// <param name="Restored">Points that went back to lots still live.</param>
/// <param name="Regranted">Points granted anew because their lot has expired.</param>
/// <param name="FirstSequence">Ledger sequence of its first entry.</param>
/// <param name="LastSequence">Ledger sequence of its last entry.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="Reason">Why, if said.</param>
public sealed record Cancellation(
    PointKey Key,
    Usage Usage,
    long Amount,
    IReadOnlyList<RestoredPart> Restored,
    IReadOnlyList<RegrantedPart> Regranted,
    long FirstSequence,
    long LastSequence,
    DateTimeOffset CreatedAt,
    string? Reason);

/// <summary>Points given back to a lot.</summary>
public sealed record RestoredPart(Lot Lot, long Amount);

/// <summary>Points of an expired lot granted anew.</summary>
public sealed record RegrantedPart(PointKey ExpiredKey, Lot Lot);
