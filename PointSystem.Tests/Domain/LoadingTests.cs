using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>Partly loaded accounts, and several commands on one account.</summary>
public sealed class LoadingTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void Use_FirstLotsLoaded_IsEnoughForWhatTheyHold()
    {
        var first = _points.Grant(1, 10, days: 1);
        _points.Grant(1, 10, days: 2);
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 10, named: []);
        Assert.Equal([first.Key], loaded.Lots.Select(lot => lot.Key));
        Assert.Equal(20, loaded.Account.LiveBalance);
        _points.Finish(loaded.Account.Use("A1", 10, _points.Context).Error, loaded);
        Assert.Equal(10, _points.Live(1));
    }

    [Fact]
    public void Use_TooFewLoaded_ThrowsAndChangesNothing()
    {
        _points.Grant(1, 10, days: 1);
        _points.Grant(1, 10, days: 3);
        _points.Grant(1, 10, days: 4);
        var loaded = _points.Wait(2).Tables.LoadPart(1, _points.At, drawn: 10, named: []);
        var error = Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 11, _points.Context));
        Assert.Equal((1, 11), (error.MemberId, error.Amount));
        loaded.AssertUntouched(_points.Tables);
    }

    [Fact]
    public void Use_MoreThanTheMemberHas_IsRefusedWithoutLoading()
    {
        _points.Grant(1, 10);
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 0, named: []);
        Assert.Empty(loaded.Lots);
        Assert.Equal(new InsufficientPointError(10, 11), loaded.Account.Use("A1", 11, _points.Context).Error);
    }

    [Fact]
    public void TransferTo_TooFewLoaded_ThrowsAndChangesNeither()
    {
        _points.Grant(1, 10, days: 1);
        _points.Grant(1, 10, days: 2);
        _points.Grant(2, 10);
        var sender = _points.Tables.LoadPart(1, _points.At, drawn: 10, named: []);
        var receiver = _points.Tables.LoadPart(2, _points.At, drawn: 0, named: []);
        Assert.Throws<LotsNotLoadedException>(() => sender.Account.TransferTo(receiver.Account, 11, null, _points.Context));
        sender.AssertUntouched(_points.Tables);
        receiver.AssertUntouched(_points.Tables);
    }

    [Fact]
    public void CancelUsage_LotOfTheUsageNotLoaded_ThrowsAndChangesNothing()
    {
        _points.Grant(1, 10, days: 2);
        _points.Grant(1, 10, days: 3);
        var usage = _points.Use(1, 15).Value.Key;
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 5, named: []);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.CancelUsage(usage, null, null, _points.Context));
        loaded.AssertUntouched(_points.Tables);
    }

    // The first lots in draw order were loaded for the use, and an earlier command cancelled one of them. The rest covers the amount only
    // because a later lot was loaded for another reason. Drawing from that lot would skip the one in between, which is not loaded.
    [Fact]
    public void Use_CoveredOnlyByAGrantOfTheSameBatch_DoesNotSkipAMissingLot()
    {
        var first = _points.Grant(1, 10, days: 1).Key;
        _points.Grant(1, 10, days: 2);
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 10, named: [first]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _points.Context).Error);
        Assert.Null(loaded.Account.Accumulate(10, 9, false, null, _points.Context).Error);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 10, _points.Context));
    }

    [Fact]
    public void Use_CoveredOnlyByANamedLot_DoesNotSkipAMissingLot()
    {
        var first = _points.Grant(1, 10, days: 1).Key;
        _points.Grant(1, 10, days: 2);
        var last = _points.Grant(1, 10, days: 3).Key;
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 10, named: [first, last]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _points.Context).Error);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 10, _points.Context));
        Assert.Null(loaded.Account.CancelAccumulation(last, null, _points.Context).Error);
    }

    [Fact]
    public void Use_GrantOfTheSameBatchIsFirstInOrder_DrawsFromItAlone()
    {
        var first = _points.Grant(1, 10, days: 1).Key;
        _points.Grant(1, 10, days: 2);
        var loaded = _points.Tables.LoadPart(1, _points.At, drawn: 10, named: [first]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _points.Context).Error);
        var manual = loaded.Account.Accumulate(10, 9, true, null, _points.Context).Value;
        Assert.Equal(manual.Key, Assert.Single(loaded.Account.Use("A1", 10, _points.Context).Value.Details).LotKey);
    }

    [Fact]
    public void Commands_SeveralOnOneAccount_SeeEachOther()
    {
        var loaded = _points.Tables.Load(1, _points.At);
        var account = loaded.Account;
        var lot = account.Accumulate(10, null, false, null, _points.Context).Value;
        var usage = account.Use("A1", 6, _points.Context).Value;
        Assert.Equal(PointErrorCodes.InsufficientPoint, account.Use("A2", 5, _points.Context).Error?.Code);
        Assert.Equal(PointErrorCodes.CannotCancelAccumulation, account.CancelAccumulation(lot.Key, null, _points.Context).Error?.Code);
        Assert.Equal(6, account.CancelUsage(usage.Key, null, null, _points.Context).Value.Amount);
        Assert.Equal(PointErrorCodes.AlreadyCancelled, account.CancelUsage(usage.Key, null, null, _points.Context).Error?.Code);
        var again = account.Use("A3", 10, _points.Context).Value;
        Assert.Equal(10, account.CancelUsage(again.Key, null, null, _points.Context).Value.Amount);
        Assert.Equal(10, account.CancelAccumulation(lot.Key, null, _points.Context).Value.Cancelled);

        var changes = account.Changes;
        Assert.Equal((1, 2), (changes.NewLots.Count, changes.NewUsages.Count));
        Assert.Equal((0, 0, 0), (changes.ChangedLots.Count, changes.ChangedUsages.Count, changes.ChangedDetails.Count));
        Assert.Equal((0, 6, 6), (account.LoadedVersion, account.Version, account.Changes.Entries.Count));
        _points.Finish(error: null, loaded);
        Assert.Equal(UsageStatus.FullyCancelled, _points.Tables.Usage(usage.Key).ToUsage([]).Status);
    }

    [Fact]
    public void Constructor_SameLotTwice_CountsItOnce()
    {
        var row = LotRow.Of(_points.Grant(1, 10));
        var account = new MemberAccount(_points.Tables.WalletOf(1), [row.ToLot(), row.ToLot()], [], _points.At);
        Assert.Equal(new InsufficientPointError(10, 11), account.Use("A1", 11, _points.Context).Error);
        Assert.Null(account.Use("A1", 10, _points.Context).Error);
    }

    [Fact]
    public void Constructor_LotsHoldLessThanTheWallet_ThrowsOnUse()
    {
        var row = LotRow.Of(_points.Grant(1, 10)) with { Available = 9 };
        var account = new MemberAccount(_points.Tables.WalletOf(1), [row.ToLot()], [], new BusinessMoment(_points.Now, PointsHarness.Seoul));
        Assert.Throws<LotsNotLoadedException>(() => account.Use("A1", 10, _points.Context));
        Assert.True(account.Changes.IsEmpty);
    }
}
