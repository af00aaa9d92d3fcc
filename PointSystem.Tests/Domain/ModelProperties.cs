using CsCheck;

namespace PointSystem.Tests.Domain;

/// <summary>After every step the domain has the same outcomes, balances, lots and usages as <see cref="ReferenceModel"/>.</summary>
public sealed class ModelProperties
{
    [Fact]
    public void Commands_AnySequence_AgreeWithTheModel() => Step.Any.Array[0, 40].Sample(
        steps =>
        {
            var runner = StepRunner.After([]);
            runner.Harness.Checks = false;
            var model = new ReferenceModel { Today = runner.Harness.Today, Policy = runner.Harness.Policy };
            foreach (var step in steps)
            {
                var expected = model.Run(step);
                Assert.Equal(expected, runner.Run(step));
                model.Today = runner.Harness.Today;
                model.Policy = runner.Harness.Policy;
                for (var member = 1; member <= Step.Members; member++)
                {
                    AssertSame(model, runner, member);
                }
            }
        },
        iter: 300);

    private static void AssertSame(ReferenceModel model, StepRunner runner, long member)
    {
        var today = runner.Harness.Today;
        var account = runner.Tables.Load(member, runner.Harness.At).Account;
        var lots = runner.Tables.LotsOf(member);
        Assert.Equal((model.Live(member), model.LiveManual(member)), (account.LiveBalance, account.LiveManualBalance));
        Assert.Equal(
            model.Lots(member).Select(lot => ((long)lot.Amount, lot.Until, lot.Manual, lot.Cancelled, (long)lot.Free)),
            lots.Select(lot => (lot.Amount, lot.ExpirationDate, lot.IsManualGrant, lot.Cancelled > 0, lot.ExpirationDate >= today ? lot.Available : 0)));
        Assert.Equal(model.Usages(member), runner.Tables.UsagesOf(member).Select(usage => Points(runner.Tables, usage, lots)));
    }

    /// <summary>A usage's details, one item per point.</summary>
    private static (int Lot, bool Back)[] Points(MemoryTables tables, UsageRow usage, LotRow[] lots) =>
    [
        .. tables.DetailsOf(usage.Key).SelectMany(detail => Enumerable.Range(0, (int)detail.Amount)
            .Select(point => (Array.FindIndex(lots, lot => lot.Key == detail.LotKey), point < detail.CancelledAmount))),
    ];
}
