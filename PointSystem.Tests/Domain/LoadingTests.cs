using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

/// <summary>Partly loaded accounts, and several commands on one account.</summary>
public sealed class LoadingTests
{
    private readonly Desk _desk = new();

    [Fact]
    public void Use_FirstLotsLoaded_IsEnoughForWhatTheyHold()
    {
        var first = _desk.Grant(1, 10, days: 1);
        _desk.Grant(1, 10, days: 2);
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 10, named: []);
        Assert.Equal([first.Key], loaded.Lots.Select(lot => lot.Key));
        Assert.Equal(20, loaded.Account.LiveBalance);
        _desk.Finish(loaded.Account.Use("A1", 10, _desk.Context).Error, loaded);
        Assert.Equal(10, _desk.Live(1));
    }

    [Fact]
    public void Use_TooFewLoaded_ThrowsAndChangesNothing()
    {
        _desk.Grant(1, 10, days: 1);
        _desk.Grant(1, 10, days: 3);
        _desk.Grant(1, 10, days: 4);
        var loaded = _desk.Wait(2).Tables.LoadPart(1, _desk.At, drawn: 10, named: []);
        var error = Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 11, _desk.Context));
        Assert.Equal((1, 11), (error.MemberId, error.Amount));
        loaded.AssertUntouched(_desk.Tables);
    }

    [Fact]
    public void Use_MoreThanTheMemberHas_IsRefusedWithoutLoading()
    {
        _desk.Grant(1, 10);
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 0, named: []);
        Assert.Empty(loaded.Lots);
        Assert.Equal(new InsufficientPointError(10, 11), loaded.Account.Use("A1", 11, _desk.Context).Error);
    }

    [Fact]
    public void TransferTo_TooFewLoaded_ThrowsAndChangesNeither()
    {
        _desk.Grant(1, 10, days: 1);
        _desk.Grant(1, 10, days: 2);
        _desk.Grant(2, 10);
        var sender = _desk.Tables.LoadPart(1, _desk.At, drawn: 10, named: []);
        var receiver = _desk.Tables.LoadPart(2, _desk.At, drawn: 0, named: []);
        Assert.Throws<LotsNotLoadedException>(() => sender.Account.TransferTo(receiver.Account, 11, null, _desk.Context));
        sender.AssertUntouched(_desk.Tables);
        receiver.AssertUntouched(_desk.Tables);
    }

    [Fact]
    public void CancelUsage_LotOfTheUsageNotLoaded_ThrowsAndChangesNothing()
    {
        _desk.Grant(1, 10, days: 2);
        _desk.Grant(1, 10, days: 3);
        var usage = _desk.Use(1, 15).Value.Key;
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 5, named: []);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.CancelUsage(usage, null, null, _desk.Context));
        loaded.AssertUntouched(_desk.Tables);
    }

    // The first lots in draw order were loaded for the use, and an earlier command cancelled one of them. The rest covers the amount only
    // because a later lot was loaded for another reason. Drawing from that lot would skip the one in between, which is not loaded.
    [Fact]
    public void Use_CoveredOnlyByAGrantOfTheSameBatch_DoesNotSkipAMissingLot()
    {
        var first = _desk.Grant(1, 10, days: 1).Key;
        _desk.Grant(1, 10, days: 2);
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 10, named: [first]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _desk.Context).Error);
        Assert.Null(loaded.Account.Accumulate(10, 9, false, null, _desk.Context).Error);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 10, _desk.Context));
    }

    [Fact]
    public void Use_CoveredOnlyByANamedLot_DoesNotSkipAMissingLot()
    {
        var first = _desk.Grant(1, 10, days: 1).Key;
        _desk.Grant(1, 10, days: 2);
        var last = _desk.Grant(1, 10, days: 3).Key;
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 10, named: [first, last]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _desk.Context).Error);
        Assert.Throws<LotsNotLoadedException>(() => loaded.Account.Use("A1", 10, _desk.Context));
        Assert.Null(loaded.Account.CancelAccumulation(last, null, _desk.Context).Error);
    }

    [Fact]
    public void Use_GrantOfTheSameBatchIsFirstInOrder_DrawsFromItAlone()
    {
        var first = _desk.Grant(1, 10, days: 1).Key;
        _desk.Grant(1, 10, days: 2);
        var loaded = _desk.Tables.LoadPart(1, _desk.At, drawn: 10, named: [first]);
        Assert.Null(loaded.Account.CancelAccumulation(first, null, _desk.Context).Error);
        var manual = loaded.Account.Accumulate(10, 9, true, null, _desk.Context).Value;
        Assert.Equal(manual.Key, Assert.Single(loaded.Account.Use("A1", 10, _desk.Context).Value.Details).LotKey);
    }

    [Fact]
    public void Commands_SeveralOnOneAccount_SeeEachOther()
    {
        var loaded = _desk.Tables.Load(1, _desk.At);
        var account = loaded.Account;
        var lot = account.Accumulate(10, null, false, null, _desk.Context).Value;
        var usage = account.Use("A1", 6, _desk.Context).Value;
        Assert.Equal(PointErrorCodes.InsufficientPoint, account.Use("A2", 5, _desk.Context).Error?.Code);
        Assert.Equal(PointErrorCodes.CannotCancelAccumulation, account.CancelAccumulation(lot.Key, null, _desk.Context).Error?.Code);
        Assert.Equal(6, account.CancelUsage(usage.Key, null, null, _desk.Context).Value.Amount);
        Assert.Equal(PointErrorCodes.AlreadyCancelled, account.CancelUsage(usage.Key, null, null, _desk.Context).Error?.Code);
        var again = account.Use("A3", 10, _desk.Context).Value;
        Assert.Equal(10, account.CancelUsage(again.Key, null, null, _desk.Context).Value.Amount);
        Assert.Equal(10, account.CancelAccumulation(lot.Key, null, _desk.Context).Value.Cancelled);

        var changes = account.Changes;
        Assert.Equal((1, 2), (changes.NewLots.Count, changes.NewUsages.Count));
        Assert.Equal((0, 0, 0), (changes.ChangedLots.Count, changes.ChangedUsages.Count, changes.ChangedDetails.Count));
        Assert.Equal((0, 6, 6), (account.LoadedVersion, account.Version, account.Changes.Entries.Count));
        _desk.Finish(error: null, loaded);
        Assert.Equal(UsageStatus.FullyCancelled, _desk.Tables.Usage(usage.Key).ToUsage([]).Status);
    }

    [Fact]
    public void Constructor_SameLotTwice_CountsItOnce()
    {
        var row = LotRow.Of(_desk.Grant(1, 10));
        var account = new MemberAccount(_desk.Tables.WalletOf(1), [row.ToLot(), row.ToLot()], [], _desk.At);
        Assert.Equal(new InsufficientPointError(10, 11), account.Use("A1", 11, _desk.Context).Error);
        Assert.Null(account.Use("A1", 10, _desk.Context).Error);
    }

    [Fact]
    public void Constructor_LotsHoldLessThanTheWallet_ThrowsOnUse()
    {
        var row = LotRow.Of(_desk.Grant(1, 10)) with { Available = 9 };
        var account = new MemberAccount(_desk.Tables.WalletOf(1), [row.ToLot()], [], new BusinessMoment(_desk.Now, Desk.Seoul));
        Assert.Throws<LotsNotLoadedException>(() => account.Use("A1", 10, _desk.Context));
        Assert.True(account.Changes.IsEmpty);
    }
}
