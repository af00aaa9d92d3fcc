namespace PointSystem.Api.Persistence.Rows;

/// <summary>A row of <c>member_wallets</c>: every write of a member locks it.</summary>
internal sealed class WalletRow
{
    public long MemberId { get; init; }

    public long Balance { get; set; }

    public long ManualBalance { get; set; }

    /// <summary>Sequence of the last ledger entry.</summary>
    public long Version { get; set; }

    public DateTimeOffset? LastEntryAt { get; set; }
}

/// <summary>A row of <c>point_ledger_entries</c>: append-only; the database refuses other changes.</summary>
internal sealed class LedgerEntryRow
{
    public long MemberId { get; init; }

    public long Sequence { get; init; }

    public long GroupSequence { get; init; }

    public required string Kind { get; init; }

    public required string PointKey { get; init; }

    public long LotId { get; init; }

    public long Delta { get; init; }

    public long BalanceAfter { get; init; }

    public DateTimeOffset OccurredAt { get; init; }

    public required string Actor { get; init; }

    public string? Reason { get; init; }

    /// <summary>Place in the order of events; never lower than that of the member's previous entry. Set by the database.</summary>
    public long Position { get; private set; }
}
