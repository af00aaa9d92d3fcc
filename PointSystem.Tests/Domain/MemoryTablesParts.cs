using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Domain;

/// <summary>Loads no more than the commands need, as the storage does.</summary>
internal sealed partial class MemoryTables
{
    /// <summary>
    /// Loads the expired lots, the first lots in draw order that hold <paramref name="drawn"/> points, and the lots of <paramref name="named"/>.
    /// </summary>
    public LoadedAccount LoadPart(long member, BusinessMoment at, long drawn, IEnumerable<PointKey> named)
    {
        var keys = named.ToHashSet();
        var all = LotsOf(member);
        var holding = Array.FindAll(all, lot => lot.Available > 0);
        var prefix = new List<LotRow>();
        foreach (var lot in holding.Where(lot => lot.ExpirationDate >= at.Today).OrderBy(lot => lot.ToLot(), DrawOrder.Instance))
        {
            if (prefix.Sum(row => row.Available) >= drawn)
            {
                break;
            }

            prefix.Add(lot);
        }

        var ofUsages = keys.Where(key => key.Type == PointKeyType.Usage).SelectMany(DetailsOf).Select(detail => detail.LotKey).ToHashSet();
        var wanted = all.Where(lot => keys.Contains(lot.Key) || ofUsages.Contains(lot.Key));
        var expired = holding.Where(lot => lot.ExpirationDate < at.Today);

        // In an arbitrary order, because the order must not matter.
        return Open(member, wanted.Concat(prefix).Concat(expired.Reverse()).Distinct(), prefix.LastOrDefault(), at);
    }
}
