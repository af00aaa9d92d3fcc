namespace PointSystem.Domain.Points;

/// <summary>What a ledger entry records.</summary>
public enum PointKind
{
    /// <summary>Points granted.</summary>
    Accumulate,

    /// <summary>A whole lot taken back.</summary>
    AccumulateCancel,

    /// <summary>Points spent on an order.</summary>
    Use,

    /// <summary>Spent points given back to the lot they came from.</summary>
    UseCancel,

    /// <summary>Spent points given back as a new lot, because theirs has expired.</summary>
    Regrant,

    /// <summary>Points given to another member.</summary>
    TransferOut,

    /// <summary>Points received from another member.</summary>
    TransferIn,

    /// <summary>Points that lapsed unused.</summary>
    Expire,
}

/// <summary>State of a lot.</summary>
public enum LotStatus
{
    /// <summary>Granted, and not past its date as far as the ledger knows.</summary>
    Accumulated,

    /// <summary>Taken back as a whole.</summary>
    Cancelled,

    /// <summary>Past its date.</summary>
    Expired,
}

/// <summary>State of a usage.</summary>
public enum UsageStatus
{
    /// <summary>Nothing of it has been cancelled.</summary>
    Used,

    /// <summary>Part of it has been cancelled.</summary>
    PartiallyCancelled,

    /// <summary>All of it has been cancelled.</summary>
    FullyCancelled,
}
