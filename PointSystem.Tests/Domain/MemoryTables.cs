using System.Buffers.Binary;
using PointSystem.Domain.Points;
using PointSystem.Domain.Policies;

namespace PointSystem.Tests.Domain;

/// <summary>
/// The tables in memory. It writes only what <see cref="AccountChanges"/> lists and builds every account from copies of its rows, so that a
/// change missing from that list is lost, and the tests notice.
/// </summary>
internal sealed partial class MemoryTables
{
    private readonly SortedDictionary<long, WalletState> _wallets = [];
    private readonly SortedDictionary<(long Member, long Id), LotRow> _lots = [];
    private readonly SortedDictionary<(long Member, long Id), UsageRow> _usages = [];
    private readonly SortedDictionary<(string Usage, int Number), DetailRow> _details = [];
    private readonly SortedDictionary<(long Member, long Sequence), LedgerEntry> _entries = [];
    private long _keys;

    public List<Cancellation> Cancellations { get; } = [];

    public List<Transfer> Transfers { get; } = [];

    public WalletState WalletOf(long member) => _wallets.GetValueOrDefault(member, WalletState.Empty(member));

    public LotRow[] LotsOf(long member) => [.. _lots.Values.Where(lot => lot.MemberId == member)];

    public UsageRow[] UsagesOf(long member) => [.. _usages.Values.Where(usage => usage.MemberId == member)];

    public LedgerEntry[] EntriesOf(long member) => [.. _entries.Values.Where(entry => entry.MemberId == member)];

    public DetailRow[] DetailsOf(PointKey usage) => [.. _details.Values.Where(detail => detail.UsageKey == usage)];

    public LotRow Lot(PointKey key) => _lots.Values.Single(lot => lot.Key == key);

    public UsageRow Usage(PointKey key) => _usages.Values.Single(usage => usage.Key == key);

    /// <summary>Every row as text. Two instances are equal if these texts are.</summary>
    public string Dump() => string.Join(
        '\n',
        [.. _wallets.Values, .. _lots.Values, .. _usages.Values, .. _details.Values, .. _entries.Values.Cast<object>()]);

    public MemoryTables Copy()
    {
        var copy = new MemoryTables { _keys = _keys };
        CopyRows(_wallets, copy._wallets);
        CopyRows(_lots, copy._lots);
        CopyRows(_usages, copy._usages);
        CopyRows(_details, copy._details);
        CopyRows(_entries, copy._entries);
        return copy;
    }

    /// <summary>Creates keys in a fixed order, so that two runs of the same commands can be compared.</summary>
    public PointKey NewKey(PointKeyType type, long member)
    {
        Span<byte> entropy = stackalloc byte[PointKey.EntropyBytes];
        BinaryPrimitives.WriteInt64BigEndian(entropy, ++_keys);
        return PointKey.Create(type, member, entropy);
    }

    public LoadedAccount Load(long member, BusinessMoment at) => Open(member, LotsOf(member), loadedThrough: null, at);

    private LoadedAccount Open(long member, IEnumerable<LotRow> rows, LotRow? loadedThrough, BusinessMoment at)
    {
        var lots = rows.Select(row => row.ToLot()).ToList();
        var usages = UsagesOf(member).Select(row => row.ToUsage(DetailsOf(row.Key))).ToList();
        return new LoadedAccount(new MemberAccount(WalletOf(member), lots, usages, at, loadedThrough?.ToLot()), WalletOf(member), lots, usages);
    }

    public void Save(params IEnumerable<LoadedAccount> accounts)
    {
        foreach (var loaded in accounts)
        {
            Write(loaded.Account);
        }
    }

    private void Write(MemberAccount account)
    {
        var member = account.MemberId;
        var changes = account.Changes;
        Assert.Equal(WalletOf(member).Version, account.LoadedVersion);
        foreach (var lot in changes.NewLots)
        {
            _lots.Add((member, lot.Id), LotRow.Of(lot));
        }

        foreach (var lot in changes.ChangedLots)
        {
            _lots[(member, lot.Id)] = _lots[(member, lot.Id)].With(lot);
        }

        foreach (var usage in changes.NewUsages)
        {
            _usages.Add((member, usage.Id), UsageRow.Of(usage));
            foreach (var detail in usage.Details)
            {
                _details.Add((usage.Key.Value, detail.Number), DetailRow.Of(usage, detail));
            }
        }

        foreach (var usage in changes.ChangedUsages)
        {
            _usages[(member, usage.Id)] = _usages[(member, usage.Id)].With(usage);
        }

        foreach (var (usage, detail) in changes.ChangedDetails)
        {
            Assert.True(_details.ContainsKey((usage.Key.Value, detail.Number)));
            _details[(usage.Key.Value, detail.Number)] = DetailRow.Of(usage, detail);
        }

        foreach (var entry in changes.Entries)
        {
            _entries.Add((entry.MemberId, entry.Sequence), entry);
        }

        Cancellations.AddRange(changes.Cancellations);
        Transfers.AddRange(changes.Transfers);
        _wallets[member] = account.Wallet;
    }

    private static void CopyRows<TKey, TRow>(SortedDictionary<TKey, TRow> from, SortedDictionary<TKey, TRow> to)
        where TKey : notnull
    {
        foreach (var (key, row) in from)
        {
            to.Add(key, row);
        }
    }
}
