using PointSystem.Domain.Policies;
using PointSystem.Domain.Results;

namespace PointSystem.Domain.Points;

/// <summary>
/// The part of a member's points that one transaction needs: the wallet, the lots that commands may touch, and the usages that they name.
/// All rules of docs/rules.md about a single member are decided here. Not thread-safe: it lives inside one transaction, under the
/// member's row lock.
/// </summary>
/// <remarks>
/// A refused command changes nothing and posts no expirations; the first accepted command posts them. The following lots must be loaded:
/// all expired lots with points left; of the others, in draw order, enough for the points that will be drawn; the lots named by key; and
/// the lots that a named usage drew from.
/// </remarks>
public sealed partial class MemberAccount
{
    private readonly SortedSet<Lot> _drawable = new(DrawOrder.Instance);
    private readonly List<Lot> _expired = [];
    private readonly Dictionary<long, Lot> _lots = [];
    private readonly Dictionary<PointKey, Usage> _usages = [];
    private readonly long _startVersion;
    private readonly Lot? _loadedThrough;
    private readonly IReadOnlyDictionary<string, PointKey>? _uncancelledUsages;
    private long _drawableAmount;
    private long _expiredAmount;
    private long _expiredManualAmount;
    private DateTimeOffset _lastEntryAt;

    /// <summary>Creates the account from the loaded rows.</summary>
    /// <param name="wallet">The locked wallet row.</param>
    /// <param name="lots">The lots; see the remarks of the class.</param>
    /// <param name="usages">The usages that commands name.</param>
    /// <param name="at">Now.</param>
    /// <param name="loadedThrough">The last lot that was loaded in draw order; lots after it may be missing. It prevents a set of
    /// commands from drawing from a lot that was loaded for another reason (named, just granted or just restored) while an earlier lot is
    /// missing. Null when that cannot happen: all lots are loaded, or there is only one command.</param>
    /// <param name="uncancelledUsages">Usages that are not fully cancelled, by order number, in addition to <paramref name="usages"/>, for
    /// the orders that commands name. Null where the policy does not require it.</param>
    public MemberAccount(
        WalletState wallet,
        IEnumerable<Lot> lots,
        IEnumerable<Usage> usages,
        BusinessMoment at,
        Lot? loadedThrough = null,
        IReadOnlyDictionary<string, PointKey>? uncancelledUsages = null)
    {
        ArgumentNullException.ThrowIfNull(lots);
        ArgumentNullException.ThrowIfNull(usages);
        MemberId = wallet.MemberId;
        Balance = wallet.Balance;
        ManualBalance = wallet.ManualBalance;
        Version = _startVersion = wallet.Version;
        _lastEntryAt = wallet.LastEntryAt;
        _loadedThrough = loadedThrough;
        _uncancelledUsages = uncancelledUsages;
        At = at;
        foreach (var lot in lots)
        {
            if (_lots.TryAdd(lot.Id, lot))
            {
                Classify(lot);
            }
        }

        foreach (var usage in usages)
        {
            _usages.Add(usage.Key, usage);
        }
    }

    public long MemberId { get; }

    public BusinessMoment At { get; }

    /// <summary>Ledger balance in points, including expired points that are not posted yet.</summary>
    public long Balance { get; private set; }

    /// <summary>The part of <see cref="Balance"/> in manual grants.</summary>
    public long ManualBalance { get; private set; }

    /// <summary>Sequence of the last ledger entry.</summary>
    public long Version { get; private set; }

    /// <summary>Sequence of the last ledger entry when the account was loaded.</summary>
    public long LoadedVersion => _startVersion;

    /// <summary>Points that can be used now.</summary>
    public long LiveBalance => Balance - _expiredAmount;

    /// <summary>The part of <see cref="LiveBalance"/> in manual grants.</summary>
    public long LiveManualBalance => ManualBalance - _expiredManualAmount;

    /// <summary>The changes to be written.</summary>
    public AccountChanges Changes { get; } = new();

    /// <summary>The wallet row to be written.</summary>
    public WalletState Wallet => new(MemberId, Balance, ManualBalance, Version, _lastEntryAt);

    /// <summary>Posts the expired points, like the expiry job. True when there were any.</summary>
    public bool PostExpirations(string actor)
    {
        if (_expired.Count == 0)
        {
            return false;
        }

        // By date, then by age: the journal must not depend on the order in which rows were read.
        foreach (var lot in _expired.OrderBy(lot => lot.ExpirationDate).ThenBy(lot => lot.Id))
        {
            var points = lot.Available;
            lot.Available = 0;
            lot.Expired += points;
            lot.UpdatedAt = Touch(lot);
            Append(Version + 1, PointKind.Expire, lot.Key, lot, -points, actor, reason: null);
        }

        _expired.Clear();
        _expiredAmount = _expiredManualAmount = 0;
        return true;
    }

    private void Classify(Lot lot)
    {
        if (lot.Available == 0 || lot.Cancelled > 0)
        {
            return;
        }

        if (lot.IsLiveOn(At.Today))
        {
            _drawable.Add(lot);
            _drawableAmount += lot.Available;
            return;
        }

        _expired.Add(lot);
        _expiredAmount += lot.Available;
        _expiredManualAmount += lot.IsManualGrant ? lot.Available : 0;
    }

    /// <summary>Draws points in draw order. <see cref="LiveBalance"/> must cover them.</summary>
    private List<(Lot Lot, long Points)> Draw(long amount)
    {
        var parts = new List<(Lot, long)>();
        while (amount > 0)
        {
            var lot = _drawable.Min ?? throw new InvalidOperationException($"Member {MemberId}: the lots hold fewer points than the wallet.");
            var points = Math.Min(amount, lot.Available);
            lot.Available -= points;
            lot.Used += points;
            lot.UpdatedAt = Touch(lot);
            _drawableAmount -= points;
            if (lot.Available == 0)
            {
                _drawable.Remove(lot);
            }

            parts.Add((lot, points));
            amount -= points;
        }

        return parts;
    }

    /// <summary>Refuses an amount that exceeds the live balance. Throws when the lots for it are not loaded.</summary>
    private InsufficientPointError? RequirePoints(long amount)
    {
        if (amount > LiveBalance)
        {
            return new InsufficientPointError(LiveBalance, amount);
        }

        return IsLoaded(amount) ? null : throw new LotsNotLoadedException(MemberId, amount);
    }

    /// <summary>Whether the lots with the first <paramref name="amount"/> points in draw order are all loaded.</summary>
    private bool IsLoaded(long amount)
    {
        if (_loadedThrough is null || _drawableAmount >= LiveBalance)
        {
            return amount <= _drawableAmount;
        }

        foreach (var lot in _drawable)
        {
            if (amount <= 0 || DrawOrder.Instance.Compare(lot, _loadedThrough) > 0)
            {
                break;
            }

            amount -= lot.Available;
        }

        return amount <= 0;
    }

    private Lot Grant(PointKey key, long amount, DateOnly expirationDate, bool isManualGrant, PointKey? source)
    {
        var now = Timestamp();
        var lot = new Lot
        {
            Id = Version + 1,
            MemberId = MemberId,
            Key = key,
            Amount = amount,
            Available = amount,
            ExpirationDate = expirationDate,
            IsManualGrant = isManualGrant,
            SourceKey = source,
            CreatedAt = now,
            UpdatedAt = now,
        };
        _lots.Add(lot.Id, lot);
        Changes.AddNew(lot);
        // A receiver may get a lot on its last day. It is still live, so it is drawable here as well.
        Classify(lot);
        return lot;
    }

    private void Append(long group, PointKind kind, PointKey key, Lot lot, long delta, string actor, string? reason)
    {
        _lastEntryAt = Timestamp();
        Version++;
        Balance = checked(Balance + delta);
        ManualBalance += lot.IsManualGrant ? delta : 0;
        if (Balance < 0 || ManualBalance < 0)
        {
            // The rules above make this impossible. If it happens anyway, the whole transaction must be rolled back.
            throw new InvalidOperationException($"Member {MemberId}: entry {Version} would make the balance negative.");
        }

        Changes.Append(new LedgerEntry(MemberId, Version, group, kind, key, lot.Id, delta, Balance, _lastEntryAt, actor, reason));
    }

    private DateTimeOffset Touch(Lot lot)
    {
        Changes.Touch(lot);
        return Timestamp();
    }

    /// <summary>A member's ledger time never goes backwards, whatever the clocks of the replicas do.</summary>
    private DateTimeOffset Timestamp() => At.Now > _lastEntryAt ? At.Now : _lastEntryAt;

    private Lot? FindLot(PointKey key)
    {
        foreach (var lot in _lots.Values)
        {
            if (lot.Key == key)
            {
                return lot;
            }
        }

        return null;
    }

    private Lot LotOf(UsageDetail detail) =>
        _lots.TryGetValue(detail.LotId, out var lot) ? lot : throw new LotsNotLoadedException(MemberId, detail.Amount);
}
