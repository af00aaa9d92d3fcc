namespace PointSystem.Api.Features.Points.Queries;

/// <summary>The entries of one transaction and kind, e.g. a usage with one entry for each lot it drew from.</summary>
/// <param name="PointKey">Key of the accumulation, usage, cancellation or transfer behind it.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Amount">Points, signed: the sum of the entries.</param>
/// <param name="BalanceAfter">The member's ledger balance after the last of them.</param>
/// <param name="OrderNumber">Of usages, and of what gives a usage back; else null.</param>
/// <param name="OccurredAt">When.</param>
/// <param name="Actor">Who asked for it.</param>
/// <param name="Reason">Why, if said.</param>
/// <param name="Entries">One for each lot, in the order of the journal; the first 100.</param>
/// <param name="EntriesTotal">How many of them there are.</param>
/// <param name="EntriesNextCursor">Where GET …/history/{memberId}/entries goes on; null when all are here.</param>
internal sealed record HistoryItem(
    string PointKey,
    string Kind,
    long Amount,
    long BalanceAfter,
    string? OrderNumber,
    DateTimeOffset OccurredAt,
    string Actor,
    string? Reason,
    IReadOnlyList<HistoryEntry> Entries,
    long EntriesTotal,
    string? EntriesNextCursor);

/// <summary>One change of one lot.</summary>
/// <param name="Sequence">Its number in the member's journal: 1, 2, 3 … without gaps.</param>
/// <param name="AccumulationKey">The lot.</param>
/// <param name="Amount">Points added to it (positive) or taken from it (negative).</param>
internal sealed record HistoryEntry(long Sequence, string AccumulationKey, long Amount);
