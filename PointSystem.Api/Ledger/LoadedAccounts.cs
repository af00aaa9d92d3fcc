using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>The locked members of one transaction.</summary>
internal sealed class LoadedAccounts(IReadOnlyDictionary<long, MemberAccount> accounts, StoredAnswers answers)
{
    public IEnumerable<MemberAccount> All => accounts.Values;

    /// <summary>First answers of earlier requests.</summary>
    public StoredAnswers Answers => answers;

    public MemberAccount this[long memberId] => accounts[memberId];
}

/// <summary>A row of <c>idempotency_keys</c>.</summary>
internal sealed record StoredAnswer(byte[] RequestHash, short Status, byte[] Answer);

/// <summary>First answers by their idempotency keys.</summary>
/// <remarks>
/// One key can have an answer for each of several members: they were asked for at the same instant, when neither could see the other. Each request gets
/// its own again; a request of yet another member finds any of them.
/// </remarks>
internal sealed class StoredAnswers
{
    private readonly Dictionary<(string Key, long MemberId), StoredAnswer> _ofMember = [];
    private readonly Dictionary<string, StoredAnswer> _ofAnyone = new(StringComparer.Ordinal);

    /// <summary>Adds an answer; the first for a key and member stays.</summary>
    public void Add(string key, long memberId, StoredAnswer answer)
    {
        _ofMember.TryAdd((key, memberId), answer);
        _ofAnyone.TryAdd(key, answer);
    }

    /// <summary>The answer for the key: the member's own, otherwise another's; null when there is none.</summary>
    public StoredAnswer? Find(string key, long memberId) =>
        _ofMember.GetValueOrDefault((key, memberId)) ?? _ofAnyone.GetValueOrDefault(key);
}
