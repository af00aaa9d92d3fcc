using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>The locked members of one transaction.</summary>
internal sealed class LoadedAccounts(IReadOnlyDictionary<long, MemberAccount> accounts, IReadOnlyDictionary<string, StoredAnswer> answers)
{
    public IEnumerable<MemberAccount> All => accounts.Values;

    /// <summary>First answers of earlier requests, by idempotency key.</summary>
    public IReadOnlyDictionary<string, StoredAnswer> Answers => answers;

    public MemberAccount this[long memberId] => accounts[memberId];
}

/// <summary>A row of <c>idempotency_keys</c>.</summary>
internal sealed record StoredAnswer(byte[] RequestHash, short Status, byte[] Answer);
