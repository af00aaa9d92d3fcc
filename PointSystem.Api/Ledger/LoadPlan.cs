using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>What a set of commands needs from the database, collected so that one round trip locks and loads it.</summary>
internal sealed class LoadPlan
{
    // More than any member has; a sum of two is still in range.
    private const long AmountMax = long.MaxValue / 4;
    private const int ReloadFactor = 16;

    private readonly SortedDictionary<long, MemberNeed> _members = [];
    private readonly HashSet<PointKey> _lots = [];
    private readonly HashSet<PointKey> _usages = [];
    private readonly List<(long MemberId, string OrderNumber)> _orders = [];
    private readonly HashSet<IdempotencyKey> _idempotencyKeys = [];

    /// <summary>Wallets to lock, in ascending order of member id: all row locks are taken in this order.</summary>
    public IReadOnlyCollection<MemberNeed> Members => _members.Values;

    public IReadOnlyCollection<PointKey> Lots => _lots;

    public IReadOnlyCollection<PointKey> Usages => _usages;

    /// <summary>Orders to pay for. Loaded only if the policy refuses a second usage.</summary>
    public IReadOnlyCollection<(long MemberId, string OrderNumber)> Orders => _orders;

    public IReadOnlyCollection<IdempotencyKey> IdempotencyKeys => _idempotencyKeys;

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

    /// <summary>Locks the member's wallet, if there is one.</summary>
    public void NeedMember(long memberId) => Need(memberId);

    /// <summary>Locks the member's wallet, and creates it if there is none: the member is about to receive points.</summary>
    public void NeedWallet(long memberId, long amount)
    {
        var member = Need(memberId);
        member.Create = true;
        member.Gain = Sum(member.Gain, Math.Max(0, amount));
    }

    /// <summary>
    /// What commands may draw: each amount, how often, and how many points the member may have received by then. Every member is
    /// included, with an amount of 0.
    /// </summary>
    public IReadOnlyList<Draw> Draws()
    {
        var draws = new List<Draw>(_members.Count);
        foreach (var member in _members.Values)
        {
            draws.Add(new Draw(member.MemberId, 0, 1, 0));
            foreach (var (amount, times) in member.Draws)
            {
                draws.Add(new Draw(member.MemberId, amount, times, member.Gain));
            }

            if (member.More > 0)
            {
                draws.Add(new Draw(member.MemberId, member.More, 1, AmountMax));
            }
        }

        return draws;
    }

    /// <summary>
    /// Loads lots in draw order that hold at least this amount; none if the amount is more than the member can have by then.
    /// </summary>
    public void NeedPoints(long memberId, long amount) => Need(memberId).AddDraw(amount);

    /// <summary>
    /// Loads further lots, because too few were loaded. Each call for a member multiplies the amount, so that a few reloads reach any
    /// amount.
    /// </summary>
    public void NeedMore(long memberId, long amount)
    {
        var member = Need(memberId);
        member.More = member.More == 0 ? amount : member.More > AmountMax / ReloadFactor ? AmountMax : member.More * ReloadFactor;
    }

    /// <summary>Finds a usage of the order that is not fully cancelled, if the policy refuses a second one.</summary>
    public void NeedOrder(long memberId, string orderNumber) => _orders.Add((memberId, orderNumber));

    public void NeedLot(PointKey key)
    {
        Need(key.MemberId);
        _lots.Add(key);
    }

    /// <summary>Loads the usage with its details and the lots they drew from.</summary>
    public void NeedUsage(PointKey key)
    {
        Need(key.MemberId);
        _usages.Add(key);
    }

    private static long Sum(long one, long other) => Math.Min(AmountMax, Math.Min(AmountMax, one) + Math.Min(AmountMax, other));

    private MemberNeed Need(long memberId)
    {
        if (!_members.TryGetValue(memberId, out var member))
        {
            _members.Add(memberId, member = new MemberNeed(memberId));
        }

        return member;
    }

    internal readonly record struct Draw(long MemberId, long Amount, long Times, long Gain);

    internal sealed class MemberNeed(long memberId)
    {
        private readonly Dictionary<long, int> _draws = [];

        public long MemberId { get; } = memberId;

        public bool Create { get; set; }

        /// <summary>Points that commands may add, without those given back by cancellations of usages.</summary>
        public long Gain { get; set; }

        /// <summary>Points to load in addition, whatever the balance is.</summary>
        public long More { get; set; }

        /// <summary>The amounts that commands may draw, and how often each.</summary>
        public IReadOnlyDictionary<long, int> Draws => _draws;

        public void AddDraw(long amount) => _draws[amount] = _draws.GetValueOrDefault(amount) + 1;
    }
}
