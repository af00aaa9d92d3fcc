namespace PointSystem.Api.Features.Reconciliation;

/// <summary>The result of reconciling one member.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Status">
/// MATCHED: everything agrees. CORRECTED: a derived figure was wrong and has been corrected. BROKEN: the ledger contradicts itself or
/// other records; nothing was changed. FAILED: in a run over all members, this member could not be checked.
/// </param>
/// <param name="WalletBalance">Points in the wallet before any correction.</param>
/// <param name="LedgerBalance">Sum of all ledger deltas.</param>
/// <param name="LotsBalance">Points available in all accumulations before any correction.</param>
/// <param name="Findings">
/// One sentence for each contradiction, at most 100 (3 in a run over all members), and then the number of further ones.
/// </param>
internal sealed record MemberReport(
    long MemberId, string Status, long WalletBalance, long LedgerBalance, long LotsBalance, IReadOnlyList<string> Findings)
{
    public const string Matched = "MATCHED";
    public const string Corrected = "CORRECTED";
    public const string Broken = "BROKEN";
    public const string Failed = "FAILED";

    /// <summary>The report with a last sentence that states how many findings are not listed.</summary>
    public MemberReport WithMore(long findings) => findings <= 0 ? this : this with { Findings = [.. Findings, $"Further findings not listed: {findings}."] };
}

/// <summary>A run over all members.</summary>
/// <param name="RunId">The number of the run.</param>
/// <param name="Status">RUNNING until all members are done, then COMPLETED.</param>
/// <param name="Resumed">Whether the run was interrupted and then continued, by another replica or after a restart.</param>
/// <param name="Members">Members done.</param>
/// <param name="Matched">Members with status MATCHED.</param>
/// <param name="Corrected">Members with status CORRECTED.</param>
/// <param name="Broken">Members with status BROKEN.</param>
/// <param name="Failed">Members with status FAILED: they could not be checked; reconcile them one by one.</param>
/// <param name="LastMemberId">All members up to this id are done.</param>
/// <param name="StartedAt">Time of the start.</param>
/// <param name="UpdatedAt">Time of the last progress.</param>
/// <param name="FinishedAt">Time of the end; null while the run is unfinished.</param>
/// <param name="Details">Reports of the members that did not match, at most 1,000.</param>
internal sealed record RunReport(
    long RunId,
    string Status,
    bool Resumed,
    long Members,
    long Matched,
    long Corrected,
    long Broken,
    long Failed,
    long LastMemberId,
    DateTimeOffset StartedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? FinishedAt,
    IReadOnlyList<MemberReport> Details)
{
    public const string Completed = "COMPLETED";
    public const string Running = "RUNNING";
}
