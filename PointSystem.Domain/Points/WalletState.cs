namespace PointSystem.Domain.Points;

/// <summary>A member's wallet row: the totals of its ledger.</summary>
/// <param name="MemberId">The member, at least 1.</param>
/// <param name="Balance">Ledger balance, in points: the last entry's balance-after.</param>
/// <param name="ManualBalance">The part of the balance in manual grants.</param>
/// <param name="Version">Sequence of the last ledger entry; 0 when there is none.</param>
/// <param name="LastEntryAt">Time of the last ledger entry.</param>
public readonly record struct WalletState(long MemberId, long Balance, long ManualBalance, long Version, DateTimeOffset LastEntryAt)
{
    /// <summary>The wallet of an unknown member.</summary>
    public static WalletState Empty(long memberId) => new(memberId, 0, 0, 0, DateTimeOffset.MinValue);
}
