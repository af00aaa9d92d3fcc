namespace PointSystem.Domain.Points;

/// <summary>A full or partial cancellation of a usage (사용 취소). It has its own key.</summary>
/// <param name="Key">Its own key.</param>
/// <param name="Usage">The usage after the cancellation.</param>
/// <param name="Amount">Cancelled points, at least 1.</param>
/// <param name="Restored">Points returned to lots that have not expired.</param>
/// <param name="Regranted">Points granted as new lots because their own lot has expired.</param>
/// <param name="FirstSequence">Ledger sequence of its first entry.</param>
/// <param name="LastSequence">Ledger sequence of its last entry.</param>
/// <param name="CreatedAt">Time of the cancellation.</param>
/// <param name="Reason">Optional reason.</param>
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

/// <summary>Points returned to a lot.</summary>
public sealed record RestoredPart(Lot Lot, long Amount);

/// <summary>Points of an expired lot that were granted as a new lot.</summary>
public sealed record RegrantedPart(PointKey ExpiredKey, Lot Lot);
