namespace PointSystem.Domain.Points;

/// <summary>What a ledger entry records.</summary>
public enum PointKind
{
    /// <summary>Points granted.</summary>
    Accumulate,

    /// <summary>A whole lot cancelled.</summary>
    AccumulateCancel,

    /// <summary>Points spent on an order.</summary>
    Use,

    /// <summary>Spent points returned to the lot they came from.</summary>
    UseCancel,

    /// <summary>Spent points returned as a new lot, because their own lot has expired.</summary>
    Regrant,

    /// <summary>Points transferred to another member.</summary>
    TransferOut,

    /// <summary>Points received from another member.</summary>
    TransferIn,

    /// <summary>Points that expired unused.</summary>
    Expire,
}

/// <summary>State of a lot.</summary>
public enum LotStatus
{
    /// <summary>Granted and not expired.</summary>
    Accumulated,

    /// <summary>Cancelled as a whole.</summary>
    Cancelled,

    /// <summary>Past its expiration date.</summary>
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
