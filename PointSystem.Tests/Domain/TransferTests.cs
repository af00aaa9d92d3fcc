using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class TransferTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void TransferTo_OverSeveralLots_CreatesOneLotForEachWithItsDateAndOrigin()
    {
        var plain = _points.Grant(1, 10, days: 5);
        var manual = _points.Grant(1, 10, days: 50, manual: true);
        _points.Grant(2, 1);
        _points.Now = _points.Now.AddSeconds(1);
        var transfer = _points.Transfer(1, 2, 13, "gift").Value;

        Assert.Equal((1, 2, 13, "gift"), (transfer.FromMemberId, transfer.ToMemberId, transfer.Amount, transfer.Reason));
        Assert.Equal((PointKeyType.Transfer, 1L, _points.Now), (transfer.Key.Type, transfer.Key.MemberId, transfer.CreatedAt));
        Assert.Equal(
            [(manual.Key, 10, manual.ExpirationDate, true), (plain.Key, 3, plain.ExpirationDate, false)],
            transfer.Parts.Select(part => (part.SourceKey, part.Lot.Amount, part.Lot.ExpirationDate, part.Lot.IsManualGrant)));
        Assert.All(transfer.Parts, part => Assert.Equal((2, 2, part.SourceKey), (part.Lot.MemberId, part.Lot.Key.MemberId, part.Lot.SourceKey!.Value)));
        Assert.Equal(
            [(3, 3, PointKind.TransferOut, transfer.Key, -10, 10, "gift"), (4, 3, PointKind.TransferOut, transfer.Key, -3, 7, "gift")],
            _points.Tables.EntriesOf(1)[2..].Select(Facts));
        Assert.Equal(
            [(2, 2, PointKind.TransferIn, transfer.Key, 10, 11, "gift"), (3, 2, PointKind.TransferIn, transfer.Key, 3, 14, "gift")],
            _points.Tables.EntriesOf(2)[1..].Select(Facts));
        Assert.Equal((0, 10), (_points.Tables.WalletOf(1).ManualBalance, _points.Tables.WalletOf(2).ManualBalance));
        Assert.Same(transfer, Assert.Single(_points.Tables.Transfers));
    }

    [Fact]
    public void TransferTo_SameMember_IsInvalid()
    {
        _points.Grant(1, 10);
        Refused.With(PointErrorCodes.InvalidRequest, PointErrorKind.Invalid, _points.Transfer(1, 1, 5));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void TransferTo_AmountBelowOne_IsInvalid(long amount)
    {
        _points.Grant(1, 10);
        _points.Grant(2, 10);
        Refused.With(PointErrorCodes.InvalidAmount, PointErrorKind.Invalid, _points.Transfer(1, 2, amount));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(long.MaxValue)]
    public void TransferTo_MoreThanTheSenderHas_IsRefusedAndChangesNeither(long amount)
    {
        _points.Grant(1, 10);
        _points.Grant(1, 10, days: 1);
        _points.Grant(2, 10, days: 1);
        _points.Wait(2);
        var before = _points.Tables.Dump();
        var error = Refused.With(PointErrorCodes.InsufficientPoint, PointErrorKind.Refused, _points.Transfer(1, 2, amount));
        Assert.Equal(new InsufficientPointError(10, amount), error);
        Assert.Equal(before, _points.Tables.Dump());
    }

    [Fact]
    public void TransferTo_UpToTheReceiversCap_IsAcceptedButNotBeyond()
    {
        _points.Grant(1, 50);
        _points.Grant(2, 40, days: 1);
        _points.Grant(2, 30);
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 40 };

        // Only live points count: on the third day the receiver holds 30.
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Transfer(1, 2, 1));
        _points.Wait(2);
        var before = _points.Tables.Dump();
        Refused.With(PointErrorCodes.ExceededMaxBalance, PointErrorKind.Refused, _points.Transfer(1, 2, 11));
        Assert.Equal(before, _points.Tables.Dump());
        Assert.Equal(10, _points.Transfer(1, 2, 10).Value.Amount);
        Assert.Equal(40, _points.Live(2));
    }

    [Fact]
    public void TransferTo_AboveTheMaximumPerTimeAndTheSendersCap_IsAccepted()
    {
        _points.Grant(1, 50);
        _points.Policy = PointPolicy.Default with { MaxAccumulationAmountPerTime = 1, MaxBalancePerMember = 49 };
        Assert.Equal(49, _points.Transfer(1, 2, 49).Value.Amount);
    }

    [Fact]
    public void TransferTo_PointsOnTheirLastDay_ExpireAtTheReceiverOnTheNextDay()
    {
        _points.Grant(1, 10, days: 1);
        var lot = _points.Wait(1).Transfer(1, 2, 10).Value.Parts[0].Lot;
        Assert.Equal(_points.Today, lot.ExpirationDate);
        Assert.Equal(4, _points.Use(2, 4).Value.TotalAmount);
        Assert.Equal(0, _points.Wait(1).Live(2));
    }

    [Fact]
    public void TransferTo_BothHaveExpiredLots_PostsThemFirst()
    {
        _points.Grant(1, 10, days: 1);
        _points.Grant(1, 10);
        _points.Grant(2, 10, days: 1);
        _points.Wait(2).Transfer(1, 2, 5);
        Assert.Equal([PointKind.Expire, PointKind.TransferOut], _points.Tables.EntriesOf(1)[2..].Select(entry => entry.Kind));
        Assert.Equal([PointKind.Expire, PointKind.TransferIn], _points.Tables.EntriesOf(2)[1..].Select(entry => entry.Kind));
    }

    [Fact]
    public void TransferTo_ReceivedPoints_CanBeUsedRestoredAndTransferred()
    {
        _points.Grant(1, 10, manual: true);
        _points.Transfer(1, 2, 10);
        var usage = _points.Use(2, 8).Value;
        _points.CancelUsage(2, usage.Key);
        Assert.Equal(10, _points.Transfer(2, 3, 10).Value.Amount);
        Assert.True(_points.Tables.LotsOf(3)[0].IsManualGrant);
        Assert.Equal((0, 0, 10), (_points.Live(1), _points.Live(2), _points.Live(3)));
    }

    [Fact]
    public void TransferTo_AccountsOfDifferentDays_Throws()
    {
        _points.Grant(1, 10, days: 1);
        var sender = _points.Wait(1).Tables.Load(1, _points.At);
        var receiver = _points.Wait(1).Tables.Load(2, _points.At);
        Assert.Throws<ArgumentException>(() => sender.Account.TransferTo(receiver.Account, 10, null, _points.Context));
        sender.AssertUntouched(_points.Tables);
        receiver.AssertUntouched(_points.Tables);
    }

    private static (long Sequence, long Group, PointKind Kind, PointKey Key, long Delta, long After, string? Reason) Facts(LedgerEntry entry) =>
        (entry.Sequence, entry.GroupSequence, entry.Kind, entry.PointKey, entry.Delta, entry.BalanceAfter, entry.Reason);
}
