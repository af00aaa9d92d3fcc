namespace PointSystem.Domain.Points;

/// <summary>One change of one lot in a member's journal. Never changed, never deleted.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Sequence">1, 2, 3 … for each member, without gaps.</param>
/// <param name="GroupSequence">Sequence of the first entry of the same transaction and kind; groups the history.</param>
/// <param name="Kind">What happened.</param>
/// <param name="PointKey">Key of the accumulation, usage, cancellation or transfer that caused it.</param>
/// <param name="LotId">The changed lot.</param>
/// <param name="Delta">Points added to (positive) or taken from (negative) the lot; never 0.</param>
/// <param name="BalanceAfter">The member's ledger balance after this entry, in points; never negative.</param>
/// <param name="OccurredAt">Time of the entry; never before the member's previous entry.</param>
/// <param name="Actor">Who sent the command.</param>
/// <param name="Reason">Optional reason.</param>
public sealed record LedgerEntry(
    long MemberId,
    long Sequence,
    long GroupSequence,
    PointKind Kind,
    PointKey PointKey,
    long LotId,
    long Delta,
    long BalanceAfter,
    DateTimeOffset OccurredAt,
    string Actor,
    string? Reason);
