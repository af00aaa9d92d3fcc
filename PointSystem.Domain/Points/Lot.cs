namespace PointSystem.Domain.Points;

/// <summary>
/// An accumulation (적립): points that are granted together and expire together. At any time <c>Amount = Available + Used + Cancelled +
/// Expired</c>, each from 0 to Amount.
/// </summary>
public sealed class Lot
{
    /// <summary>The member's ledger sequence at which the lot was granted: unique per member, and the order of age.</summary>
    public required long Id { get; init; }

    public required long MemberId { get; init; }

    public required PointKey Key { get; init; }

    /// <summary>Points granted, at least 1.</summary>
    public required long Amount { get; init; }

    /// <summary>Points that can still be drawn according to the ledger (an expiration may not be posted yet).</summary>
    public required long Available { get; set; }

    /// <summary>Points spent or transferred, less those returned.</summary>
    public long Used { get; set; }

    /// <summary>Points removed by cancelling the accumulation: 0 or all.</summary>
    public long Cancelled { get; set; }

    /// <summary>Expired points: unused at the expiration date, or returned after it and granted again as a new lot.</summary>
    public long Expired { get; set; }

    /// <summary>Last business date on which the points can be used.</summary>
    public required DateOnly ExpirationDate { get; init; }

    /// <summary>Granted by an operator: always drawn before all other lots.</summary>
    public required bool IsManualGrant { get; init; }

    /// <summary>For a re-grant or a transfer: the lot that the points come from.</summary>
    public PointKey? SourceKey { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Whether points can be drawn from it or returned to it on that date.</summary>
    public bool IsLiveOn(DateOnly today) => Cancelled == 0 && ExpirationDate >= today;

    /// <summary>The status on that date, whether or not the expiration has been posted.</summary>
    public LotStatus StatusOn(DateOnly today) =>
        Cancelled > 0 ? LotStatus.Cancelled
        : ExpirationDate < today ? LotStatus.Expired
        : LotStatus.Accumulated;
}

/// <summary>
/// The order in which lots are drawn: manual grants first, then by expiration date, age and id (docs/rules.md, "Use" 2).
/// </summary>
public sealed class DrawOrder : IComparer<Lot>
{
    private DrawOrder()
    {
    }

    public static DrawOrder Instance { get; } = new();

    public int Compare(Lot? x, Lot? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        var order = y.IsManualGrant.CompareTo(x.IsManualGrant);
        order = order != 0 ? order : x.ExpirationDate.CompareTo(y.ExpirationDate);
        order = order != 0 ? order : x.CreatedAt.CompareTo(y.CreatedAt);
        return order != 0 ? order : x.Id.CompareTo(y.Id);
    }
}
