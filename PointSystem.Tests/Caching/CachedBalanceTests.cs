using CsCheck;
using PointSystem.Api.Caching;
using PointSystem.Domain.Points;
using PointSystem.Tests.Domain;

namespace PointSystem.Tests.Caching;

/// <summary>A cached balance that follows random commands is the one that a reload from scratch has.</summary>
public sealed class CachedBalanceTests
{
    // Members have more lots than the smallest of these, so that lists are cut, drained and filled again.
    private static readonly int[] Limits = [1, 2, 4, CachedBalance.LotsMax];

    [Fact]
    public void After_AnySequenceOfCommands_EqualsAReload() => Gen.Select(Step.Any.Array[0, 60], Gen.Int[0, Limits.Length - 1], Gen.Int[1, 9]).Sample(
        (steps, limit, reload) => Follow(steps, Limits[limit], reload),
        iter: 400);

    [Fact]
    public void After_GeneratedSequences_ReachEveryKindOfList()
    {
        // Guards the property: lists that are never cut, or never known, prove nothing.
        var seen = new HashSet<(bool HasLots, bool IsComplete)>();
        foreach (var steps in Step.Any.Array[0, 60].Array[100].Single(_ => true, "3ztcJWMUf5O1"))
        {
            seen.UnionWith(Follow(steps, lotsMax: 2, reload: 5).Select(value => (value.Lots.Count > 0, value.IsComplete)));
        }

        Assert.Equal(4, seen.Count);
    }

    [Theory]
    [InlineData(9_007_199_254_740_992, 9_007_199_254_740_993)]
    [InlineData(99, 100)]
    [InlineData(long.MaxValue - 1, long.MaxValue)]
    public void Rank_NewerVersion_IsHigherWhateverTheTimes(long older, long newer)
    {
        var now = DateTimeOffset.UnixEpoch;
        Assert.True(Value(older, now.AddDays(1), isComplete: true).IsBehind(Value(newer, now, isComplete: false)));
        Assert.True(Value(older, now.AddDays(1), isComplete: false).IsBehind(Value(older, now, isComplete: true)));
        Assert.True(Value(older, now, isComplete: true).IsBehind(Value(older, now.AddTicks(1), isComplete: true)));
        Assert.Equal(CachedBalance.RankLength, Value(newer, now, isComplete: true).Rank.Length);
    }

    [Fact]
    public void Read_SomethingElse_IsNull()
    {
        var text = Value(7, DateTimeOffset.UnixEpoch, isComplete: true).Write();
        Assert.NotNull(CachedBalance.Read(1, text));
        for (var length = 0; length < text.Length; length++)
        {
            Assert.Null(CachedBalance.Read(1, text[..length]));
        }

        var rank = text[..CachedBalance.RankLength];
        Assert.All(
            (string?[])
            [
                null, "", "garbage that is longer than a rank, but not JSON", rank + "null", rank + "{}", rank + "[]", rank + "{\"Version\":7}",
                text.Replace("\"Lots\":[]", "\"Lots\":[null]", StringComparison.Ordinal),
                text.Replace("\"Lots\":[]", "\"Lots\":null", StringComparison.Ordinal),
                text.Replace("1970-01-02", "1970-13-02", StringComparison.Ordinal),
            ],
            broken => Assert.Null(CachedBalance.Read(1, broken)));
    }

    internal static CachedBalance Value(long version, DateTimeOffset knownAt, bool isComplete, long member = 1) =>
        new(member, version, new DateOnly(1970, 1, 2), false, 0, 0, knownAt, knownAt, [], isComplete);

    /// <summary>Runs the steps, and follows every member with its changes alone. Now and then, as a read does, it starts again from a reload.</summary>
    private static List<CachedBalance> Follow(Step[] steps, int lotsMax, int reload)
    {
        var runner = StepRunner.After([]);
        runner.Harness.Checks = false;
        var known = new Dictionary<long, CachedBalance>();
        var all = new List<CachedBalance>();
        for (var i = 0; i < steps.Length; i++)
        {
            if (steps[i].Kind is StepKind.Wait or StepKind.Configure)
            {
                runner.Run(steps[i]);
                continue;
            }

            var member = (long)steps[i].Member;
            if (i % reload == 0 && Reload(runner, member) is var read)
            {
                known[member] = read with { Lots = [.. read.Lots.Take(lotsMax)], IsComplete = read.Lots.Count <= lotsMax };
            }

            var accounts = runner.Load([steps[i]], part: true);
            runner.RunAll([steps[i]], accounts);
            foreach (var account in accounts.Values.Select(loaded => loaded.Account).Where(account => !account.Changes.IsEmpty))
            {
                var change = BalanceChange.Read(account.MemberId, BalanceChange.Of(account, runner.Harness.Now).Write())!;
                var value = change.On(known.GetValueOrDefault(account.MemberId), lotsMax);
                AssertSame(Reload(runner, account.MemberId), value);
                Assert.True(value.Lots.Count <= lotsMax);
                known[account.MemberId] = CachedBalance.Read(account.MemberId, value.Write())!;
                AssertSame(value, known[account.MemberId]);
                all.Add(value);
            }
        }

        return all;
    }

    internal static CachedBalance Reload(StepRunner runner, long member)
    {
        var loaded = runner.Tables.Load(member, runner.Harness.At);
        var lots = loaded.Lots.Where(lot => lot.Available > 0 && lot.IsLiveOn(runner.Harness.Today)).Order(DrawOrder.Instance).ToList();
        var account = loaded.Account;
        return new CachedBalance(
            member, account.Version, runner.Harness.Today, account.LiveBalance != account.Balance, account.LiveBalance, account.LiveManualBalance,
            runner.Harness.At.Now, runner.Harness.Now, lots, IsComplete: true);
    }

    internal static void AssertSame(CachedBalance expected, CachedBalance value)
    {
        Assert.Equal(Totals(expected), Totals(value));
        Assert.Equal(expected.Lots.Take(value.Lots.Count).Select(LotRow.Of), value.Lots.Select(LotRow.Of));
        Assert.True(!value.IsComplete || value.Lots.Count == expected.Lots.Count, "A part of the lots says that it is all.");
    }

    private static object Totals(CachedBalance value) =>
        (value.MemberId, value.Version, value.Date, value.HasUnpostedExpirations, value.Balance, value.ManualBalance, value.AsOf, value.KnownAt);
}
