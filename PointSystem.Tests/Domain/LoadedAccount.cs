using PointSystem.Domain.Points;

namespace PointSystem.Tests.Domain;

/// <summary>An account built from copies of rows, as one transaction sees it, with the copies kept for comparison.</summary>
internal sealed record LoadedAccount(MemberAccount Account, WalletState Wallet, IReadOnlyList<Lot> Lots, IReadOnlyList<Usage> Usages)
{
    /// <summary>Asserts what a refused command must leave: the loaded state, and nothing to write.</summary>
    public void AssertUntouched(MemoryTables tables)
    {
        var changes = Account.Changes;
        Assert.True(changes.IsEmpty);
        Assert.Empty(changes.Entries);
        Assert.Empty(changes.NewLots);
        Assert.Empty(changes.ChangedLots);
        Assert.Empty(changes.NewUsages);
        Assert.Empty(changes.ChangedUsages);
        Assert.Empty(changes.ChangedDetails);
        Assert.Empty(changes.Cancellations);
        Assert.Empty(changes.Transfers);
        Assert.Equal(Wallet, Account.Wallet);
        AssertSameAs(tables);
    }

    /// <summary>Asserts that the copies equal the rows. Before a save: nothing was changed. After it: no change was left out.</summary>
    public void AssertSameAs(MemoryTables tables)
    {
        Assert.Equal(tables.WalletOf(Account.MemberId), Account.Wallet);
        foreach (var lot in Lots)
        {
            Assert.Equal(tables.Lot(lot.Key), LotRow.Of(lot));
        }

        foreach (var usage in Usages)
        {
            Assert.Equal(tables.Usage(usage.Key), UsageRow.Of(usage));
            Assert.Equal(tables.DetailsOf(usage.Key), usage.Details.Select(detail => DetailRow.Of(usage, detail)));
        }
    }
}
