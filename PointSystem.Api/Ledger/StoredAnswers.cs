namespace PointSystem.Api.Ledger;

/// <summary>A first answer, as stored for its idempotency key in <c>idempotency_answers</c>.</summary>
internal sealed record StoredAnswer(IdempotencyKey Key, long MemberId, byte[] RequestHash, short Status, byte[] Answer)
{
    public bool IsRefusal => Status == 0;
}

/// <summary>First answers by idempotency key.</summary>
/// <remarks>
/// A key can have answers for several members, if their requests ran at the same time and did not see each other. A repeated request gets
/// the answer of its member; a request for another member gets any of them. An answer without a caller counts for those without one of their own.
/// </remarks>
internal sealed class StoredAnswers
{
    private readonly Dictionary<(IdempotencyKey Key, long MemberId), StoredAnswer> _ofMember = [];
    private readonly Dictionary<IdempotencyKey, StoredAnswer> _ofAnyMember = [];

    /// <summary>Adds an answer; the first for a key and member stays.</summary>
    public void Add(StoredAnswer answer)
    {
        _ofMember.TryAdd((answer.Key, answer.MemberId), answer);
        _ofAnyMember.TryAdd(answer.Key, answer);
    }

    /// <summary>The answer for the key: that of the member, otherwise that of any member; null if there is none.</summary>
    public StoredAnswer? Find(IdempotencyKey key, long memberId) => FindExactly(key, memberId) ?? FindExactly(key.OfAnyCaller(), memberId);

    private StoredAnswer? FindExactly(IdempotencyKey key, long memberId) =>
        _ofMember.GetValueOrDefault((key, memberId)) ?? _ofAnyMember.GetValueOrDefault(key);
}
