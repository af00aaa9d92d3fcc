using System.Diagnostics.CodeAnalysis;

namespace PointSystem.Api.Caching;

/// <summary>
/// The changes of this replica that wait for the value before them, which another replica has written and is about to send; for each member in the order
/// of its versions.
/// </summary>
internal sealed class PendingChanges
{
    // They wait for milliseconds. More of them would mean that something is wrong, and then the database has the lots.
    private const int MembersMax = 1_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Member> _members = [];

    /// <summary>Adds a change. False if too many members wait.</summary>
    /// <param name="change">The change.</param>
    /// <param name="at">Now, as a timestamp.</param>
    /// <param name="isFirst">Whether the caller has to see to this member's changes, until none is left.</param>
    public bool TryAdd(BalanceChange change, long at, out bool isFirst)
    {
        lock (_gate)
        {
            isFirst = !_members.TryGetValue(change.MemberId, out var member);
            if (member is null)
            {
                if (_members.Count >= MembersMax)
                {
                    return false;
                }

                _members[change.MemberId] = member = new Member();
            }

            // Commits of one replica may be reported in another order than that of the versions.
            member.Changes[change.Base] = (change, at);
            return true;
        }
    }

    /// <summary>The first change of a member. False if there is none: then the next one that is added is the first.</summary>
    public bool TryPeek(long memberId, [NotNullWhen(true)] out BalanceChange? change, out long addedAt)
    {
        lock (_gate)
        {
            (change, addedAt) = _members[memberId].First;
            if (change is null)
            {
                _members.Remove(memberId);
            }

            return change is not null;
        }
    }

    /// <summary>Takes the changes up to a value away, and gives it to those that wait.</summary>
    /// <returns>The version before the next change; null if there is none.</returns>
    public long? Complete(CachedBalance value)
    {
        TaskCompletionSource<CachedBalance?> waiting;
        long? next;
        lock (_gate)
        {
            var member = _members[value.MemberId];
            while (member.First.Change?.Base < value.Version)
            {
                member.Changes.Remove(member.First.Change.Base);
            }

            next = member.First.Change?.Base;
            (waiting, member.Waiting) = (member.Waiting, Member.NewWaiting());
        }

        waiting.SetResult(value);
        return next;
    }

    /// <summary>Takes all changes of a member away. Who waits for a value gets none.</summary>
    public void Clear(long memberId)
    {
        Member? member;
        lock (_gate)
        {
            _members.Remove(memberId, out member);
        }

        member?.Waiting.SetResult(null);
    }

    /// <summary>The value after the first change of a member, when it is known; null if no change is pending.</summary>
    public Task<CachedBalance?>? Next(long memberId)
    {
        lock (_gate)
        {
            return _members.GetValueOrDefault(memberId)?.Waiting.Task;
        }
    }

    private sealed class Member
    {
        public SortedDictionary<long, (BalanceChange Change, long AddedAt)> Changes { get; } = [];

        public (BalanceChange? Change, long AddedAt) First => Changes.Count > 0 ? Changes.First().Value : default;

        public TaskCompletionSource<CachedBalance?> Waiting { get; set; } = NewWaiting();

        public static TaskCompletionSource<CachedBalance?> NewWaiting() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
