namespace PointSystem.Api.Features.Reconciliation;

/// <summary>What reconciling one member found.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="Status">
/// MATCHED; CORRECTED: a derived figure was wrong and has been put right; BROKEN: the ledger itself disagrees, nothing was touched; FAILED: in a run over
/// all members, this member could not be looked at.
/// </param>
/// <param name="WalletBalance">Points in the wallet row, as found.</param>
/// <param name="LedgerBalance">Sum of all ledger deltas.</param>
/// <param name="LotsBalance">Points that the lots hold, as found.</param>
/// <param name="Findings">One sentence for each contradiction: the first 100, in a run over all members the first three, then how many more there are.</param>
internal sealed record MemberReport(
    long MemberId, string Status, long WalletBalance, long LedgerBalance, long LotsBalance, IReadOnlyList<string> Findings)
{
    public const string Matched = "MATCHED";
    public const string Corrected = "CORRECTED";
    public const string Broken = "BROKEN";
    public const string Failed = "FAILED";

    /// <summary>The report with a last sentence that says how many findings are left out.</summary>
    public MemberReport WithMore(long findings) => findings <= 0 ? this : this with { Findings = [.. Findings, $"There are {findings} more."] };
}

/// <summary>A run over all members.</summary>
/// <param name="RunId">Its number.</param>
/// <param name="Status">RUNNING while members are left, then COMPLETED.</param>
/// <param name="Resumed">It was interrupted, and another replica or a later start went on where it had stopped.</param>
/// <param name="Members">Members done.</param>
/// <param name="Matched">Of them MATCHED.</param>
/// <param name="Corrected">Of them CORRECTED.</param>
/// <param name="Broken">Of them BROKEN.</param>
/// <param name="Failed">Of them FAILED: they could not be looked at; reconcile them one by one.</param>
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
