using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>
/// A second, independent implementation of the rules: every single point is an object that is in a lot, used by a usage, or gone. It has no sums,
/// no expiry entries and no ledger; it counts what a lot or a member holds each time. Slow, and unlikely to share a bug with the domain.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly List<Point> _points = [];
    private readonly Dictionary<long, List<ModelLot>> _lots = [];
    private readonly Dictionary<long, List<ModelUsage>> _usages = [];

    public DateOnly Today { get; set; }

    public required PointPolicy Policy { get; set; }

    public int Live(long member) => Free(member).Count;

    public int LiveManual(long member) => Free(member).Count(point => point.Lot.Manual);

    /// <summary>For each lot of a member, by age: its properties, and how many of its points can be drawn.</summary>
    public IEnumerable<(int Amount, DateOnly Until, bool Manual, bool Cancelled, int Free)> Lots(long member) => LotsOf(member)
        .Select(lot => (lot.Points.Count, lot.Until, lot.Manual, lot.Cancelled, lot.Points.Count(IsFree)));

    /// <summary>For each usage of a member, by age: the lot number of each point in the order of drawing, and whether the point came back.</summary>
    public IEnumerable<(int Lot, bool Back)[]> Usages(long member) => UsagesOf(member)
        .Select(usage => usage.Drawn.Select(point => (point.Lot.Number, usage.Returned.Contains(point))).ToArray());

    public string? Run(Step step) => step.Kind switch
    {
        StepKind.Accumulate => Accumulate(step.Member, step.Amount, step.Days == 0 ? Policy.DefaultExpirationDays : step.Days - 1, step.Flag),
        StepKind.CancelLot => CancelLot(TargetOf(LotsOf(step.Member), step.Pick)),
        StepKind.Use => Use(step.Member, step.Amount),
        StepKind.CancelUsage => CancelUsage(step.Member, TargetOf(UsagesOf(step.Member), step.Pick), step.Flag ? null : step.Amount),
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

        AddLot(member, amount, Today.AddDays(days), manual);
        return null;
    }

    private string? CancelLot(ModelLot? lot)
    {
        if (lot is null)
        {
            return PointErrorCodes.AccumulationNotFound;
        }

        if (lot.Cancelled)
        {
            return PointErrorCodes.AlreadyCancelled;
        }

        lot.Cancelled = lot.Points.TrueForAll(IsFree);
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

        var usage = new ModelUsage();
        usage.Drawn.AddRange(Free(member).Take(amount));
        usage.Drawn.ForEach(point => point.UsedBy = usage);
        UsagesOf(member).Add(usage);
        return null;
    }

    private string? CancelUsage(long member, ModelUsage? usage, int? amount)
    {
        if (usage is null)
        {
            return PointErrorCodes.UsageNotFound;
        }

        if (amount == 0)
        {
            return PointErrorCodes.InvalidAmount;
        }

        var left = usage.Drawn.Except(usage.Returned).ToList();
        if (left.Count == 0)
        {
            return PointErrorCodes.AlreadyCancelled;
        }

        if (amount > left.Count)
        {
            return PointErrorCodes.ExceededCancelAmount;
        }

        var back = left.Take(amount ?? left.Count).ToList();
        usage.Returned.UnionWith(back);
        back.ForEach(point => point.UsedBy = null);
        foreach (var lost in back.Where(point => point.Lot.Until < Today).GroupBy(point => point.Lot))
        {
            AddLot(member, lost.Count(), Today.AddDays(Policy.DefaultExpirationDays), lost.Key.Manual);
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

        foreach (var given in Free(from).Take(amount).GroupBy(point => point.Lot).ToList())
        {
            foreach (var point in given)
            {
                point.Transferred = true;
            }

            AddLot(to, given.Count(), given.Key.Until, given.Key.Manual);
        }

        return null;
    }

    private void AddLot(long member, int amount, DateOnly until, bool manual)
    {
        var lot = new ModelLot(member, LotsOf(member).Count, until, manual);
        lot.Points.AddRange(Enumerable.Range(0, amount).Select(_ => new Point(lot)));
        LotsOf(member).Add(lot);
        _points.AddRange(lot.Points);
    }

    /// <summary>The points that a member can use, in draw order.</summary>
    private List<Point> Free(long member) =>
    [
        .. _points.Where(point => point.Lot.Member == member && IsFree(point))
            .OrderBy(point => point.Lot.Manual ? 0 : 1)
            .ThenBy(point => point.Lot.Until)
            .ThenBy(point => point.Lot.Number),
    ];

    private bool IsFree(Point point) => !point.Transferred && point.UsedBy is null && !point.Lot.Cancelled && point.Lot.Until >= Today;

    private List<ModelLot> LotsOf(long member) => _lots.TryGetValue(member, out var lots) ? lots : _lots[member] = [];

    private List<ModelUsage> UsagesOf(long member) => _usages.TryGetValue(member, out var usages) ? usages : _usages[member] = [];

    private static T? TargetOf<T>(List<T> things, int pick)
        where T : class => things.Count == 0 ? null : things[pick % things.Count];

    private sealed class Point(ModelLot lot)
    {
        public ModelLot Lot { get; } = lot;

        public ModelUsage? UsedBy { get; set; }

        public bool Transferred { get; set; }
    }

    private sealed class ModelLot(long member, int number, DateOnly until, bool manual)
    {
        public long Member { get; } = member;

        public int Number { get; } = number;

        public DateOnly Until { get; } = until;

        public bool Manual { get; } = manual;

        public bool Cancelled { get; set; }

        public List<Point> Points { get; } = [];
    }

    private sealed class ModelUsage
    {
        public List<Point> Drawn { get; } = [];

        public HashSet<Point> Returned { get; } = [];
    }
}
