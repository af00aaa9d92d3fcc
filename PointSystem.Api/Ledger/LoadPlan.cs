using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>What a set of commands needs of the database, gathered so that one round trip locks and loads it.</summary>
internal sealed class LoadPlan
{
    private readonly SortedDictionary<long, MemberNeed> _members = [];
    private readonly HashSet<PointKey> _lots = [];
    private readonly HashSet<PointKey> _usages = [];
    private readonly List<(long MemberId, string OrderNumber)> _orders = [];
    private readonly HashSet<string> _idempotencyKeys = new(StringComparer.Ordinal);

    /// <summary>Wallets to lock, in ascending member id: the one order in which rows are ever locked.</summary>
    public IReadOnlyCollection<MemberNeed> Members => _members.Values;

    public IReadOnlyCollection<PointKey> Lots => _lots;

    public IReadOnlyCollection<PointKey> Usages => _usages;

    /// <summary>Orders to be paid. Loaded only where the policy refuses a second usage.</summary>
    public IReadOnlyCollection<(long MemberId, string OrderNumber)> Orders => _orders;

    public IReadOnlyCollection<string> IdempotencyKeys => _idempotencyKeys;

    public static LoadPlan For(IReadOnlyList<IPointCommand> commands)
    {
        var plan = new LoadPlan();
        foreach (var command in commands)
        {
            plan.NeedMember(command.MemberId);
            command.Declare(plan);
            if (command.Idempotency is { } idempotency)
            {
                plan._idempotencyKeys.Add(idempotency.Key);
            }
        }

        return plan;
    }

    /// <summary>The member's wallet is locked, if there is one.</summary>
    public void NeedMember(long memberId) => Need(memberId);

    /// <summary>The member's wallet is made if there is none, and locked: he is about to receive points.</summary>
    public void NeedWallet(long memberId) => Need(memberId).Create = Need(memberId).MayGain = true;

    /// <summary>Lots that hold so many points are loaded, in draw order.</summary>
    public void NeedPoints(long memberId, long amount)
    {
        var member = Need(memberId);
        // Sums of requested amounts may pass the number range; nobody has that many points.
        member.Points = amount > long.MaxValue - member.Points ? long.MaxValue : member.Points + amount;
        member.Smallest = Math.Min(member.Smallest, amount);
    }

    /// <summary>What was loaded did not do. At least twice as much is asked for, so that a few reloads reach any amount.</summary>
    public void NeedMore(long memberId, long amount) => NeedPoints(memberId, Math.Max(amount, Need(memberId).Points));

    /// <summary>A usage of the order that stands is found, if there is one and the policy asks.</summary>
    public void NeedOrder(long memberId, string orderNumber) => _orders.Add((memberId, orderNumber));

    public void NeedLot(PointKey key)
    {
        Need(key.MemberId);
        _lots.Add(key);
    }

    /// <summary>The usage with its details and the lots they drew from.</summary>
    public void NeedUsage(PointKey key)
    {
        Need(key.MemberId).MayGain = true;
        _usages.Add(key);
    }

    private MemberNeed Need(long memberId)
    {
        if (!_members.TryGetValue(memberId, out var member))
        {
            _members.Add(memberId, member = new MemberNeed(memberId));
        }

        return member;
    }

    internal sealed class MemberNeed(long memberId)
    {
        public long MemberId { get; } = memberId;

        public bool Create { get; set; }

        /// <summary>A command may add points; so the balance of now does not tell what a later command can draw.</summary>
        public bool MayGain { get; set; }

        /// <summary>Points that all commands together may draw.</summary>
        public long Points { get; set; }

        /// <summary>The smallest single draw.</summary>
        public long Smallest { get; set; } = long.MaxValue;
    }
}
