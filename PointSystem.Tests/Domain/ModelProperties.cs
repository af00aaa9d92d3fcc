using CsCheck;

namespace PointSystem.Tests.Domain;

/// <summary>After every step the domain has the same outcomes, balances, lots and usages as <see cref="PointByPoint"/>.</summary>
public sealed class ModelProperties
{
    [Fact]
    public void Commands_AnySequence_AgreeWithTheModel() => Step.Any.Array[0, 40].Sample(
        steps =>
        {
            var world = World.After([]);
            world.Harness.Checks = false;
            var model = new PointByPoint { Today = world.Harness.Today, Policy = world.Harness.Policy };
            foreach (var step in steps)
            {
                var expected = model.Run(step);
                Assert.Equal(expected, world.Run(step));
                model.Today = world.Harness.Today;
                model.Policy = world.Harness.Policy;
                for (var member = 1; member <= Step.Members; member++)
                {
                    AssertSame(model, world, member);
                }
            }
        },
        iter: 300);

    private static void AssertSame(PointByPoint model, World world, long member)
    {
        var today = world.Harness.Today;
        var account = world.Tables.Load(member, world.Harness.At).Account;
        var lots = world.Tables.LotsOf(member);
        Assert.Equal((model.Live(member), model.LiveManual(member)), (account.LiveBalance, account.LiveManualBalance));
        Assert.Equal(
            model.Lots(member).Select(lot => ((long)lot.Amount, lot.Until, lot.Manual, lot.Cancelled, (long)lot.Free)),
            lots.Select(lot => (lot.Amount, lot.ExpirationDate, lot.IsManualGrant, lot.Cancelled > 0, lot.ExpirationDate >= today ? lot.Available : 0)));
        Assert.Equal(model.Usages(member), world.Tables.UsagesOf(member).Select(usage => Points(world.Tables, usage, lots)));
    }

    /// <summary>A usage's details, one item per point.</summary>
    private static (int Lot, bool Back)[] Points(MemoryTables tables, UsageRow usage, LotRow[] lots) =>
    [
        .. tables.DetailsOf(usage.Key).SelectMany(detail => Enumerable.Range(0, (int)detail.Amount)
            .Select(point => (Array.FindIndex(lots, lot => lot.Key == detail.LotKey), point < detail.CancelledAmount))),
    ];
}
