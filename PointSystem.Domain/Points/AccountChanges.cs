namespace PointSystem.Domain.Points;

/// <summary>Everything that the accepted commands on one account have changed since it was loaded, for writing as sets.</summary>
public sealed class AccountChanges
{
    private readonly HashSet<Lot> _newLots = [];
    private readonly HashSet<Lot> _changedLots = [];
    private readonly HashSet<Usage> _newUsages = [];
    private readonly HashSet<Usage> _changedUsages = [];
    private readonly HashSet<(Usage Usage, UsageDetail Detail)> _changedDetails = [];
    private readonly List<LedgerEntry> _entries = [];
    private readonly List<Cancellation> _cancellations = [];
    private readonly List<Transfer> _transfers = [];

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>New journal entries, in order.</summary>
    public IReadOnlyList<LedgerEntry> Entries => _entries;

    /// <summary>New lots, in their current state.</summary>
    public IReadOnlyCollection<Lot> NewLots => _newLots;

    /// <summary>Changed lots that existed before, in their current state.</summary>
    public IReadOnlyCollection<Lot> ChangedLots => _changedLots;

    /// <summary>New usages with their details, in their current state.</summary>
    public IReadOnlyCollection<Usage> NewUsages => _newUsages;

    /// <summary>Usages that existed before and were cancelled in full or in part, in their current state.</summary>
    public IReadOnlyCollection<Usage> ChangedUsages => _changedUsages;

    /// <summary>The details of <see cref="ChangedUsages"/> with restored or re-granted points.</summary>
    public IReadOnlyCollection<(Usage Usage, UsageDetail Detail)> ChangedDetails => _changedDetails;

    public IReadOnlyList<Cancellation> Cancellations => _cancellations;

    /// <summary>Transfers from this account to others.</summary>
    public IReadOnlyList<Transfer> Transfers => _transfers;

    internal void Append(LedgerEntry entry) => _entries.Add(entry);

    internal void AddNew(Lot lot) => _newLots.Add(lot);

    internal void AddNew(Usage usage) => _newUsages.Add(usage);

    internal void Add(Cancellation cancellation) => _cancellations.Add(cancellation);

    internal void Add(Transfer transfer) => _transfers.Add(transfer);

    internal void Touch(Lot lot)
    {
        if (!_newLots.Contains(lot))
        {
            _changedLots.Add(lot);
        }
    }

    internal void Touch(Usage usage, UsageDetail detail)
    {
        if (!_newUsages.Contains(usage))
        {
            _changedUsages.Add(usage);
            _changedDetails.Add((usage, detail));
        }
    }
}
