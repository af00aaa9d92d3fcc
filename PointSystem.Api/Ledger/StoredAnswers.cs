namespace PointSystem.Api.Ledger;

/// <summary>A first answer, as stored for its idempotency key in <c>idempotency_keys</c>.</summary>
internal sealed record StoredAnswer(string Key, long MemberId, byte[] RequestHash, short Status, byte[] Answer);

/// <summary>First answers by idempotency key.</summary>
/// <remarks>
/// A key can have answers for several members, if their requests ran at the same time and did not see each other. A repeated request gets
/// the answer of its member; a request for another member gets any of them.
/// </remarks>
internal sealed class StoredAnswers
{
    private readonly Dictionary<(string Key, long MemberId), StoredAnswer> _ofMember = [];
    private readonly Dictionary<string, StoredAnswer> _ofAnyMember = new(StringComparer.Ordinal);

    /// <summary>Adds an answer; the first for a key and member stays.</summary>
    public void Add(StoredAnswer answer)
    {
        _ofMember.TryAdd((answer.Key, answer.MemberId), answer);
        _ofAnyMember.TryAdd(answer.Key, answer);
    }

    /// <summary>The answer for the key: that of the member, otherwise that of any member; null if there is none.</summary>
    public StoredAnswer? Find(string key, long memberId) =>
        _ofMember.GetValueOrDefault((key, memberId)) ?? _ofAnyMember.GetValueOrDefault(key);
}
