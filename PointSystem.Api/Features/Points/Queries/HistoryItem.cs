namespace PointSystem.Api.Features.Points.Queries;

/// <summary>The entries of one transaction and kind, for example a usage with one entry for each accumulation it drew from.</summary>
/// <param name="PointKey">Key of the accumulation, usage, cancellation or transfer.</param>
/// <param name="Kind">The kind of the entries.</param>
/// <param name="Amount">The sum of the entries, positive or negative.</param>
/// <param name="BalanceAfter">The member's ledger balance after the last entry.</param>
/// <param name="OrderNumber">The order of a usage or a cancellation of one; otherwise null.</param>
/// <param name="OccurredAt">Time of the transaction.</param>
/// <param name="Actor">Who made the request.</param>
/// <param name="Reason">The reason, if one was given.</param>
/// <param name="Entries">One for each accumulation, in ledger order; the first 100.</param>
/// <param name="EntriesTotal">Total number of entries.</param>
/// <param name="EntriesNextCursor">The cursor for GET …/history/{memberId}/entries; null if all entries are included.</param>
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

/// <summary>A change of one accumulation.</summary>
/// <param name="Sequence">The number of the entry in the member's ledger: 1, 2, 3 … without gaps.</param>
/// <param name="AccumulationKey">The accumulation.</param>
/// <param name="Amount">Points added to the accumulation (positive) or taken from it (negative).</param>
internal sealed record HistoryEntry(long Sequence, string AccumulationKey, long Amount);
