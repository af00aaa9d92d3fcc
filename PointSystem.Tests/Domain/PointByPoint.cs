using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>
/// A second, independent implementation of the rules: every single point is an object that is in a lot, used by a usage, or gone. It has no sums,
/// no expiry entries and no ledger; it counts what a lot or a member holds each time. Slow, and unlikely to share a bug with the domain.
/// </summary>
internal sealed class PointByPoint
{
    private readonly List<Coin> _coins = [];
    private readonly Dictionary<long, List<Purse>> _purses = [];
    private readonly Dictionary<long, List<Bill>> _bills = [];

    public DateOnly Today { get; set; }

    public required PointPolicy Policy { get; set; }

    public int Live(long member) => Free(member).Count;

    public int LiveManual(long member) => Free(member).Count(coin => coin.Lot.Manual);

    /// <summary>For each lot of a member, by age: its properties, and how many of its points can be drawn.</summary>
    public IEnumerable<(int Amount, DateOnly Until, bool Manual, bool Cancelled, int Free)> Lots(long member) => Purses(member)
        .Select(lot => (lot.Coins.Count, lot.Until, lot.Manual, lot.Cancelled, lot.Coins.Count(IsFree)));

    /// <summary>For each usage of a member, by age: the lot number of each point in the order of drawing, and whether the point came back.</summary>
    public IEnumerable<(int Lot, bool Back)[]> Usages(long member) => Bills(member)
        .Select(bill => bill.Drawn.Select(coin => (coin.Lot.Number, bill.Returned.Contains(coin))).ToArray());

    public string? Run(Step step) => step.Kind switch
    {
        StepKind.Accumulate => Accumulate(step.Member, step.Amount, step.Days == 0 ? Policy.DefaultExpirationDays : step.Days - 1, step.Flag),
        StepKind.CancelLot => CancelLot(Named(Purses(step.Member), step.Pick)),
        StepKind.Use => Use(step.Member, step.Amount),
        StepKind.CancelUsage => CancelUsage(step.Member, Named(Bills(step.Member), step.Pick), step.Flag ? null : step.Amount),
        StepKind.Transfer => Transfer(step.Member, step.Other, step.Amount),
        _ => null,
    };

    private string? Accumulate(long member, int amount, int days, bool manual)
    {
        if (amount == 0)
        {
            return PointErrorCodes.InvalidAmount;
        }

        if (amount > Policy.MaxAccumulationAmountPerTime)
        {
            return PointErrorCodes.ExceededMaxAccumulation;
        }

        if (days < Policy.MinExpirationDays || days > Policy.MaxExpirationDays)
        {
            return PointErrorCodes.InvalidExpirationDate;
        }

        if (Live(member) + amount > Policy.MaxBalancePerMember)
        {
            return PointErrorCodes.ExceededMaxBalance;
        }

        Mint(member, amount, Today.AddDays(days), manual);
        return null;
    }

    private string? CancelLot(Purse? lot)
    {
        if (lot is null)
        {
            return PointErrorCodes.AccumulationNotFound;
        }

        if (lot.Cancelled)
        {
            return PointErrorCodes.AlreadyCancelled;
        }

        lot.Cancelled = lot.Coins.TrueForAll(IsFree);
        return lot.Cancelled ? null : PointErrorCodes.CannotCancelAccumulation;
    }

    private string? Use(long member, int amount)
    {
        if (amount == 0)
        {
            return PointErrorCodes.InvalidAmount;
        }

        if (Free(member).Count < amount)
        {
            return PointErrorCodes.InsufficientPoint;
        }

        var bill = new Bill();
        bill.Drawn.AddRange(Free(member).Take(amount));
        bill.Drawn.ForEach(coin => coin.SpentOn = bill);
        Bills(member).Add(bill);
        return null;
    }

    private string? CancelUsage(long member, Bill? bill, int? amount)
    {
        if (bill is null)
        {
            return PointErrorCodes.UsageNotFound;
        }

        if (amount == 0)
        {
            return PointErrorCodes.InvalidAmount;
        }

        var left = bill.Drawn.Except(bill.Returned).ToList();
        if (left.Count == 0)
        {
            return PointErrorCodes.AlreadyCancelled;
        }

        if (amount > left.Count)
        {
            return PointErrorCodes.ExceededCancelAmount;
        }

        var back = left.Take(amount ?? left.Count).ToList();
        bill.Returned.UnionWith(back);
        back.ForEach(coin => coin.SpentOn = null);
        foreach (var lost in back.Where(coin => coin.Lot.Until < Today).GroupBy(coin => coin.Lot))
        {
            Mint(member, lost.Count(), Today.AddDays(Policy.DefaultExpirationDays), lost.Key.Manual);
        }

        return null;
    }

    private string? Transfer(long from, long to, int amount)
    {
        if (from == to)
        {
            return PointErrorCodes.InvalidRequest;
        }

        if (amount == 0)
        {
            return PointErrorCodes.InvalidAmount;
        }

        if (Free(from).Count < amount)
        {
            return PointErrorCodes.InsufficientPoint;
        }

        if (Live(to) + amount > Policy.MaxBalancePerMember)
        {
            return PointErrorCodes.ExceededMaxBalance;
        }

        foreach (var given in Free(from).Take(amount).GroupBy(coin => coin.Lot).ToList())
        {
            foreach (var coin in given)
            {
                coin.GivenAway = true;
            }

            Mint(to, given.Count(), given.Key.Until, given.Key.Manual);
        }

        return null;
    }

    private void Mint(long member, int amount, DateOnly until, bool manual)
    {
        var lot = new Purse(member, Purses(member).Count, until, manual);
        lot.Coins.AddRange(Enumerable.Range(0, amount).Select(_ => new Coin(lot)));
        Purses(member).Add(lot);
        _coins.AddRange(lot.Coins);
    }

    /// <summary>The points that a member can use, in draw order.</summary>
    private List<Coin> Free(long member) =>
    [
        .. _coins.Where(coin => coin.Lot.Member == member && IsFree(coin))
            .OrderBy(coin => coin.Lot.Manual ? 0 : 1)
            .ThenBy(coin => coin.Lot.Until)
            .ThenBy(coin => coin.Lot.Number),
    ];

    private bool IsFree(Coin coin) => !coin.GivenAway && coin.SpentOn is null && !coin.Lot.Cancelled && coin.Lot.Until >= Today;

    private List<Purse> Purses(long member) => _purses.TryGetValue(member, out var lots) ? lots : _purses[member] = [];

    private List<Bill> Bills(long member) => _bills.TryGetValue(member, out var bills) ? bills : _bills[member] = [];

    private static T? Named<T>(List<T> things, int pick)
        where T : class => things.Count == 0 ? null : things[pick % things.Count];

    private sealed class Coin(Purse lot)
    {
        public Purse Lot { get; } = lot;

        public Bill? SpentOn { get; set; }

        public bool GivenAway { get; set; }
    }

    private sealed class Purse(long member, int number, DateOnly until, bool manual)
    {
        public long Member { get; } = member;

        public int Number { get; } = number;

        public DateOnly Until { get; } = until;

        public bool Manual { get; } = manual;

        public bool Cancelled { get; set; }

        public List<Coin> Coins { get; } = [];
    }

    private sealed class Bill
    {
        public List<Coin> Drawn { get; } = [];

        public HashSet<Coin> Returned { get; } = [];
    }
}
