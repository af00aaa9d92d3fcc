namespace PointSystem.Api.Features.Reconciliation;

/// <summary>What reconciling one member found.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Status">MATCHED; CORRECTED: a derived figure was wrong and has been put right; BROKEN: the ledger itself disagrees, nothing was touched.</param>
/// <param name="WalletBalance">Points in the wallet row, as found.</param>
/// <param name="LedgerBalance">Sum of all ledger deltas.</param>
/// <param name="LotsBalance">Points that the lots hold, as found.</param>
/// <param name="Findings">One sentence for each contradiction.</param>
internal sealed record MemberReport(
    long MemberId, string Status, long WalletBalance, long LedgerBalance, long LotsBalance, IReadOnlyList<string> Findings)
{
    public const string Matched = "MATCHED";
    public const string Corrected = "CORRECTED";
    public const string Broken = "BROKEN";
}

/// <summary>A run over all members.</summary>
/// <param name="RunId">Its number.</param>
/// <param name="Status">COMPLETED, or RUNNING while members are left.</param>
/// <param name="Resumed">Went on where an earlier, interrupted run had stopped.</param>
/// <param name="Members">Members done.</param>
/// <param name="Matched">Of them MATCHED.</param>
/// <param name="Corrected">Of them CORRECTED.</param>
/// <param name="Broken">Of them BROKEN.</param>
/// <param name="LastMemberId">Every member up to this one is done.</param>
/// <param name="StartedAt">When the run began.</param>
/// <param name="UpdatedAt">When it last made progress.</param>
/// <param name="FinishedAt">When it ended; null while members are left.</param>
/// <param name="Details">Members that did not match, the first 1,000 of them.</param>
internal sealed record RunReport(
    long RunId,
    string Status,
    bool Resumed,
    long Members,
    long Matched,
    long Corrected,
    long Broken,
    long LastMemberId,
    DateTimeOffset StartedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? FinishedAt,
    IReadOnlyList<MemberReport> Details)
{
    public const string Completed = "COMPLETED";
    public const string Running = "RUNNING";
}
