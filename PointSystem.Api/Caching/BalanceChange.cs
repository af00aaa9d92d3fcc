using System.Globalization;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Caching;

/// <summary>What a commit has changed of a member's balance: enough to make the new value of the one before it.</summary>
/// <param name="Base">The version before it.</param>
/// <param name="Result">The balance after it. Its lots are those that were changed, and only those: an account has the lots that its commands need.</param>
internal sealed record BalanceChange(long Base, CachedBalance Result)
{
    private const int DigitsLength = 19;

    public long MemberId => Result.MemberId;

    /// <summary>The change that was committed.</summary>
    /// <param name="account">The account after the commit.</param>
    /// <param name="knownAt">A moment before the commit, at which the account's row was locked.</param>
    public static BalanceChange Of(MemberAccount account, DateTimeOffset knownAt) => new(
        account.LoadedVersion,
        new CachedBalance(
            account.MemberId, account.Version, account.At.Today, account.LiveBalance != account.Balance, account.LiveBalance, account.LiveManualBalance,
            account.At.Now, knownAt, [.. account.Changes.NewLots, .. account.Changes.ChangedLots], IsComplete: false));

    /// <summary>The value after the change.</summary>
    /// <param name="before">A value from before the change; null if none is known.</param>
    /// <param name="lotsMax">Maximum number of lots; tests need less.</param>
    /// <returns>The new value. Without lots, unless <paramref name="before"/> is exactly the state that was changed.</returns>
    public CachedBalance On(CachedBalance? before, int lotsMax = CachedBalance.LotsMax)
    {
        var (lots, isComplete) = Base == 0 ? ([], true)
            : before is not null && before.Version == Base && before.Date == Result.Date ? (before.Lots, before.IsComplete)
            : ((IReadOnlyList<Lot>)[], false);

        // What stands behind the last known lot may have others before it that are not known.
        var end = lots.Count > 0 ? lots[^1] : null;
        var changed = Result.Lots.ToDictionary(lot => lot.Id);
        var after = lots.Where(lot => !changed.ContainsKey(lot.Id)).ToList();
        after.AddRange(changed.Values.Where(lot =>
            lot.Available > 0 && lot.IsLiveOn(Result.Date) && (isComplete || (end is not null && DrawOrder.Instance.Compare(lot, end) <= 0))));
        after.Sort(DrawOrder.Instance);
        if (after.Count > lotsMax)
        {
            after.RemoveRange(lotsMax, after.Count - lotsMax);
            isComplete = false;
        }

        return Result with { Lots = after, IsComplete = isComplete };
    }

    /// <summary>The change as text.</summary>
    public string Write() => Base.ToString($"D{DigitsLength}", CultureInfo.InvariantCulture) + Result.Write();

    /// <summary>Reads what <see cref="Write"/> wrote; null if it is something else.</summary>
    public static BalanceChange? Read(long memberId, string? text) =>
        text is { Length: > DigitsLength } && long.TryParse(text.AsSpan(0, DigitsLength), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && CachedBalance.Read(memberId, text[DigitsLength..]) is { } result
            ? new BalanceChange(version, result)
            : null;
}
