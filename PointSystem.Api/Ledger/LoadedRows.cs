using PointSystem.Api.Configuration;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Api.Ledger;

/// <summary>The rows loaded for a set of commands, by member, and the rules that decided what to load.</summary>
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

    /// <summary>Whether usages of the orders that are not fully cancelled were loaded.</summary>
    public bool HasStandingUsages => rules.Policy.RefusesDuplicateOrders && plan.Orders.Count > 0;

    /// <summary>Members whose wallets others have locked, so that they have no account.</summary>
    public HashSet<long> Busy { get; } = [];

    /// <summary>First answers of earlier requests.</summary>
    public StoredAnswers Answers { get; } = new();

    /// <summary>
    /// False if other rows would have been loaded under these rules: the business date has changed, or a second usage of an order is now
    /// refused.
    /// </summary>
    public bool Covers(Rules now) => now.At.Today == Today && (!now.Policy.RefusesDuplicateOrders || HasStandingUsages || plan.Orders.Count == 0);

    public void Add(WalletState wallet) => _wallets.Add(wallet.MemberId, wallet);

    public void Add(Usage usage) => _usages.Add(usage);

    /// <summary>Adds a lot; returns the same object for each lot, however many statements return it.</summary>
    public Lot Add(Lot lot)
    {
        if (_lots.TryAdd((lot.MemberId, lot.Id), lot))
        {
            return lot;
        }

        return _lots[(lot.MemberId, lot.Id)];
    }

    /// <summary>Adds a lot loaded in draw order: all lots before it are loaded as well.</summary>
    public void AddDrawable(Lot lot)
    {
        Add(lot);
        if (lot.IsLiveOn(Today) && (!_loadedThrough.TryGetValue(lot.MemberId, out var last) || DrawOrder.Instance.Compare(lot, last) > 0))
        {
            _loadedThrough[lot.MemberId] = lot;
        }
    }

    /// <summary>Adds a usage of an order that is not fully cancelled.</summary>
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
        foreach (var member in plan.Members.Where(member => !Busy.Contains(member.MemberId)))
        {
            var id = member.MemberId;
            var wallet = _wallets.TryGetValue(id, out var found) ? found : WalletState.Empty(id);
            accounts.Add(
                id, new MemberAccount(wallet, lots[id], usages[id], at, _loadedThrough.GetValueOrDefault(id), _standing.GetValueOrDefault(id)));
        }

        return accounts;
    }
}
