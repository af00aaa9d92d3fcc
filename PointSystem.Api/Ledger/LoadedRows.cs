using PointSystem.Api.Configuration;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Ledger;

/// <summary>What was loaded for a set of commands, by member, and the rules it was loaded by.</summary>
internal sealed class LoadedRows(LoadPlan plan, Rules rules)
{
    private readonly Dictionary<long, WalletState> _wallets = [];
    private readonly Dictionary<(long Member, long Lot), Lot> _lots = [];
    private readonly Dictionary<long, Lot> _loadedThrough = [];
    private readonly List<Usage> _usages = [];
    private readonly Dictionary<long, Dictionary<string, PointKey>> _standing = [];

    public LoadPlan Plan => plan;

    /// <summary>The date that decided which lots were live.</summary>
    public DateOnly Today => rules.At.Today;

    /// <summary>Whether standing usages of the orders were loaded.</summary>
    public bool HasStandingUsages => rules.Policy.RefusesDuplicateOrders && plan.Orders.Count > 0;

    /// <summary>First answers of earlier requests.</summary>
    public StoredAnswers Answers { get; } = new();

    /// <summary>
    /// False when by these rules something else would have been loaded: another day has begun, or orders have come to matter.
    /// </summary>
    public bool Covers(Rules now) => now.At.Today == Today && (!now.Policy.RefusesDuplicateOrders || HasStandingUsages || plan.Orders.Count == 0);

    public void Add(WalletState wallet) => _wallets.Add(wallet.MemberId, wallet);

    public void Add(Usage usage) => _usages.Add(usage);

    /// <summary>One object for each lot, however many statements return it.</summary>
    public Lot Add(Lot lot)
    {
        if (_lots.TryAdd((lot.MemberId, lot.Id), lot))
        {
            return lot;
        }

        return _lots[(lot.MemberId, lot.Id)];
    }

    /// <summary>A lot that the draw order brought up: every lot before it is loaded too.</summary>
    public void AddDrawable(Lot lot)
    {
        Add(lot);
        if (lot.IsLiveOn(Today) && (!_loadedThrough.TryGetValue(lot.MemberId, out var last) || DrawOrder.Instance.Compare(lot, last) > 0))
        {
            _loadedThrough[lot.MemberId] = lot;
        }
    }

    /// <summary>A usage of an order that is not wholly cancelled.</summary>
    public void AddStanding(long memberId, string orderNumber, PointKey usage)
    {
        if (!_standing.TryGetValue(memberId, out var orders))
        {
            _standing.Add(memberId, orders = new(StringComparer.Ordinal));
        }

        orders.TryAdd(orderNumber, usage);
    }

    /// <summary>The accounts at a moment of <see cref="Today"/>, by member.</summary>
    public Dictionary<long, MemberAccount> Build(BusinessMoment at)
    {
        var lots = _lots.Values.ToLookup(lot => lot.MemberId);
        var usages = _usages.ToLookup(usage => usage.MemberId);
        var accounts = new Dictionary<long, MemberAccount>(plan.Members.Count);
        foreach (var member in plan.Members)
        {
            var id = member.MemberId;
            var wallet = _wallets.TryGetValue(id, out var found) ? found : WalletState.Empty(id);
            accounts.Add(
                id, new MemberAccount(wallet, lots[id], usages[id], at, _loadedThrough.GetValueOrDefault(id), _standing.GetValueOrDefault(id)));
        }

        return accounts;
    }
}
