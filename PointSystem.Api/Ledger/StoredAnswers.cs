namespace PointSystem.Api.Ledger;

/// <summary>A first answer, as it is kept for its idempotency key in <c>idempotency_keys</c>.</summary>
internal sealed record StoredAnswer(string Key, long MemberId, byte[] RequestHash, short Status, byte[] Answer);

/// <summary>First answers by their idempotency keys.</summary>
/// <remarks>
/// One key can have an answer for each of several members: they were asked for at the same instant, when neither could see the other.
/// Each request gets its own again; a request of yet another member finds any of them.
/// </remarks>
internal sealed class StoredAnswers
{
    private readonly Dictionary<(string Key, long MemberId), StoredAnswer> _ofMember = [];
    private readonly Dictionary<string, StoredAnswer> _ofAnyone = new(StringComparer.Ordinal);

    /// <summary>Adds an answer; the first for a key and member stays.</summary>
    public void Add(StoredAnswer answer)
    {
        _ofMember.TryAdd((answer.Key, answer.MemberId), answer);
        _ofAnyone.TryAdd(answer.Key, answer);
    }

    /// <summary>The answer for the key: the member's own, otherwise another's; null when there is none.</summary>
    public StoredAnswer? Find(string key, long memberId) =>
        _ofMember.GetValueOrDefault((key, memberId)) ?? _ofAnyone.GetValueOrDefault(key);
}
