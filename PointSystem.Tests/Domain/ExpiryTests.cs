using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Tests.Domain;

public sealed class ExpiryTests
{
    private readonly PointsHarness _points = new();

    [Fact]
    public void PostLapses_OnTheLastDay_PostsNothingAndOnTheNextDayAll()
    {
        var lot = _points.Grant(1, 10, days: 1, manual: true);
        _points.Use(1, 3);
        Assert.False(_points.Wait(1).PostLapses(1));
        Assert.True(_points.Wait(1).PostLapses(1));
        Assert.Equal(
            new LedgerEntry(1, 3, 3, PointKind.Expire, lot.Key, lot.Id, -7, 0, _points.Now, PointsHarness.Actor, null),
            _points.Tables.EntriesOf(1)[^1]);
        var row = _points.Tables.Lot(lot.Key);
        Assert.Equal((0, 3, 7, _points.Now), (row.Available, row.Used, row.Expired, row.UpdatedAt));
        Assert.Equal(LotStatus.Expired, row.ToLot().StatusOn(_points.Today));
        Assert.False(_points.PostLapses(1));
    }

    [Fact]
    public void PostLapses_UsedUpOrCancelledLots_PostsNothing()
    {
        _points.Grant(1, 10, days: 1);
        _points.Use(1, 10);
        _points.CancelLot(1, _points.Grant(1, 10, days: 1).Key);
        Assert.False(_points.Wait(2).PostLapses(1));
    }

    [Fact]
    public void PostLapses_RowsInAnyOrder_PostsByDateThenAge()
    {
        var lots = new[] { _points.Grant(1, 1, days: 3), _points.Grant(1, 2, days: 1, manual: true), _points.Grant(1, 4, days: 1) };
        _points.Wait(4);
        foreach (var rows in new[] { lots, [.. lots.Reverse()] })
        {
            var account = new MemberAccount(_points.Tables.WalletOf(1), rows.Select(lot => LotRow.Of(lot).ToLot()), [], _points.At);
            account.PostExpirations(PointsHarness.Actor);
            Assert.Equal([-2L, -4L, -1L], account.Changes.Entries.Select(entry => entry.Delta));
        }
    }

    [Fact]
    public void LiveBalance_ExpiryNotPosted_ExcludesTheExpiredLots()
    {
        _points.Grant(1, 10, days: 1, manual: true);
        _points.Grant(1, 20, manual: true);
        _points.Grant(1, 40);
        var account = _points.Wait(2).Tables.Load(1, _points.At).Account;
        Assert.Equal((70, 30, 60, 20), (account.Balance, account.ManualBalance, account.LiveBalance, account.LiveManualBalance));
        account.PostExpirations(PointsHarness.Actor);
        Assert.Equal((60, 20, 60, 20), (account.Balance, account.ManualBalance, account.LiveBalance, account.LiveManualBalance));
    }

    [Fact]
    public void AnyWrite_WithExpiredLots_PostsThemBeforeItsOwnEntries()
    {
        var writes = new Action<PointKey, PointKey>[]
        {
            (_, _) => _points.Grant(1, 1),
            (unused, _) => _points.CancelLot(1, unused),
            (_, _) => _points.Use(1, 1),
            (_, usage) => _points.CancelUsage(1, usage),
            (_, _) => _points.Transfer(1, 2, 1),
            (_, _) => _points.Transfer(2, 1, 1),
        };
        _points.Grant(2, 1_000);
        foreach (var write in writes)
        {
            _points.Grant(1, 5);
            var usage = _points.Use(1, 2).Value;
            var unused = _points.Grant(1, 7, days: 1000);
            var expiring = _points.Grant(1, 10, days: 1);
            var before = _points.Wait(2).Tables.EntriesOf(1).Length;
            write(unused.Key, usage.Key);
            var entries = _points.Tables.EntriesOf(1)[before..];
            Assert.Equal((PointKind.Expire, expiring.Key), (entries[0].Kind, entries[0].PointKey));
            Assert.Single(entries.Skip(1));
        }
    }

    [Fact]
    public void AnyRefusal_WithExpiredLots_PostsNothing()
    {
        var unused = _points.Grant(1, 5, days: 1).Key;
        _points.Grant(1, 5);
        var usage = _points.Use(1, 3).Value.Key;
        _points.Grant(2, 5, days: 1);
        _points.Wait(2);
        _points.Policy = PointPolicy.Default with { MaxBalancePerMember = 1 };
        var before = _points.Tables.Dump();
        PointError?[] errors =
        [
            _points.Accumulate(1, 0).Error, _points.Accumulate(1, 1).Error, _points.Accumulate(1, 1, days: 0).Error, _points.CancelLot(1, unused).Error,
            _points.Use(1, 6).Error, _points.Use(1, 0).Error, _points.Use(1, 1, string.Empty).Error, _points.CancelUsage(1, usage, 4).Error,
            _points.CancelUsage(1, usage, 0).Error, _points.Transfer(1, 2, 6).Error, _points.Transfer(1, 2, 2).Error, _points.Transfer(1, 1, 2).Error,
        ];
        Assert.All(errors, Assert.NotNull);
        Assert.Equal(before, _points.Tables.Dump());
    }
}
