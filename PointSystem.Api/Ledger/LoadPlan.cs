using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>What a set of commands needs of the database, gathered so that one round trip locks and loads it.</summary>
internal sealed class LoadPlan
{
    // More than any member has; sums of two are still in range.
    private const long AmountMax = long.MaxValue / 4;
    private const int MoreEachTime = 16;

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

    /// <summary>The member's wallet is made if there is none, and locked: it is about to receive so many points.</summary>
    public void NeedWallet(long memberId, long amount)
    {
        var member = Need(memberId);
        member.Create = true;
        member.Gain = Sum(member.Gain, Math.Max(0, amount));
    }

    /// <summary>
    /// What commands may draw: for each amount how often, and how many points the member may have gained by then. Every member is among
    /// them, with an amount of 0.
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

    /// <summary>Lots that hold so many points are loaded, in draw order; none for more points than the member can have by then.</summary>
    public void NeedPoints(long memberId, long amount) => Need(memberId).AddDraw(amount);

    /// <summary>
    /// Not enough lots were loaded. Each time much more is asked for than the time before, so that a few reloads reach any amount.
    /// </summary>
    public void NeedMore(long memberId, long amount)
    {
        var member = Need(memberId);
        member.More = member.More == 0 ? amount : member.More > AmountMax / MoreEachTime ? AmountMax : member.More * MoreEachTime;
    }

    /// <summary>A usage of the order that stands is found, if there is one and the policy asks.</summary>
    public void NeedOrder(long memberId, string orderNumber) => _orders.Add((memberId, orderNumber));

    public void NeedLot(PointKey key)
    {
        Need(key.MemberId);
        _lots.Add(key);
    }

    /// <summary>The usage with its details and the lots they drew from. Its member may get back what it spent.</summary>
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

        /// <summary>Points that commands may add, beside what cancelled usages give back.</summary>
        public long Gain { get; set; }

        /// <summary>Points that have to be loaded in addition, whatever the balance.</summary>
        public long More { get; set; }

        /// <summary>The amounts that commands may draw, and how often each.</summary>
        public IReadOnlyDictionary<long, int> Draws => _draws;

        public void AddDraw(long amount) => _draws[amount] = _draws.GetValueOrDefault(amount) + 1;
    }
}
