using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Domain;

/// <summary>The invariants of a member's rows after every command (docs/rules.md, "Reconciliation" and more).</summary>
internal sealed partial class MemoryTables
{
    public void AssertBalanced(long member, BusinessMoment at)
    {
        var wallet = WalletOf(member);
        var lots = LotsOf(member);
        var entries = EntriesOf(member);
        AssertLedger(wallet, entries);
        foreach (var lot in lots)
        {
            AssertLot(lot, entries);
        }

        foreach (var usage in UsagesOf(member))
        {
            AssertUsage(usage, entries);
        }

        AssertUsed(member, lots, entries);
        Assert.Equal(wallet.Balance, lots.Sum(lot => lot.Available));
        Assert.Equal(wallet.ManualBalance, lots.Where(lot => lot.IsManualGrant).Sum(lot => lot.Available));

        var live = lots.Where(lot => lot.Cancelled == 0 && lot.ExpirationDate >= at.Today).ToList();
        var account = Load(member, at).Account;
        Assert.Equal(live.Sum(lot => lot.Available), account.LiveBalance);
        Assert.Equal(live.Where(lot => lot.IsManualGrant).Sum(lot => lot.Available), account.LiveManualBalance);
    }

    private static void AssertLedger(WalletState wallet, LedgerEntry[] entries)
    {
        long balance = 0;
        var at = DateTimeOffset.MinValue;
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = entries[i];
            balance += entry.Delta;
            Assert.Equal(i + 1, entry.Sequence);
            Assert.Equal(balance, entry.BalanceAfter);
            Assert.InRange(balance, 0, long.MaxValue);
            Assert.NotEqual(0, entry.Delta);
            Assert.True(entry.OccurredAt >= at);
            at = entry.OccurredAt;

            // A group is a run of consecutive entries with the same key and kind. Its number is the sequence of the first.
            var first = entries[entry.GroupSequence - 1];
            Assert.True(entry.GroupSequence <= entry.Sequence);
            Assert.Equal((first.Sequence, first.PointKey, first.Kind), (first.GroupSequence, entry.PointKey, entry.Kind));
            var continues = i > 0 && (entries[i - 1].PointKey, entries[i - 1].Kind) == (entry.PointKey, entry.Kind);
            Assert.Equal(continues ? entries[i - 1].GroupSequence : entry.Sequence, entry.GroupSequence);
        }

        Assert.Equal(balance, wallet.Balance);
        Assert.Equal(entries.Length, wallet.Version);
        Assert.Equal(at, wallet.LastEntryAt);
    }

    private static void AssertLot(LotRow lot, LedgerEntry[] entries)
    {
        Assert.InRange(lot.Amount, 1, long.MaxValue);
        Assert.InRange(lot.Available, 0, lot.Amount);
        Assert.InRange(lot.Used, 0, lot.Amount);
        Assert.InRange(lot.Cancelled, 0, lot.Amount);
        Assert.InRange(lot.Expired, 0, lot.Amount);
        Assert.Equal(lot.Amount, lot.Available + lot.Used + lot.Cancelled + lot.Expired);

        var own = Array.FindAll(entries, entry => entry.LotId == lot.Id);
        Assert.Equal(lot.Available, own.Sum(entry => entry.Delta));
        Assert.Equal((lot.Id, lot.Amount, lot.CreatedAt), (own[0].Sequence, own[0].Delta, own[0].OccurredAt));
        Assert.True(lot.UpdatedAt >= own[^1].OccurredAt);
    }

    private void AssertUsage(UsageRow usage, LedgerEntry[] entries)
    {
        var details = DetailsOf(usage.Key);
        Assert.Equal(usage.TotalAmount, details.Sum(detail => detail.Amount));
        Assert.Equal(usage.CancelledAmount, details.Sum(detail => detail.CancelledAmount));
        Assert.Equal(Enumerable.Range(1, details.Length), details.Select(detail => detail.Number));
        Assert.All(details, detail => Assert.InRange(detail.CancelledAmount, 0, detail.Amount));

        // Points come back in the order of drawing: nothing of a later detail before all of an earlier one.
        var open = details.SkipWhile(detail => detail.CancelledAmount == detail.Amount);
        Assert.All(open.Skip(1), detail => Assert.Equal(0, detail.CancelledAmount));

        var drawn = Array.FindAll(entries, entry => entry.PointKey == usage.Key);
        Assert.Equal(usage.Id, drawn[0].Sequence);
        Assert.All(drawn, entry => Assert.Equal(PointKind.Use, entry.Kind));
        Assert.Equal(details.Select(detail => (detail.LotId, -detail.Amount)), drawn.Select(entry => (entry.LotId, entry.Delta)));
        Assert.All(details, detail => Assert.Equal(detail.LotId, Lot(detail.LotKey).Id));
    }

    /// <summary>A lot's used points are those of its usages, minus the cancelled ones, plus those transferred: every point is traceable.</summary>
    private void AssertUsed(long member, LotRow[] lots, LedgerEntry[] entries)
    {
        var details = UsagesOf(member).SelectMany(usage => DetailsOf(usage.Key)).ToLookup(detail => detail.LotId);
        foreach (var lot in lots)
        {
            var spent = details[lot.Id].Sum(detail => detail.Amount - detail.CancelledAmount);
            var given = -entries.Where(entry => entry.LotId == lot.Id && entry.Kind == PointKind.TransferOut).Sum(entry => entry.Delta);
            Assert.Equal(lot.Used, spent + given);
        }
    }
}
