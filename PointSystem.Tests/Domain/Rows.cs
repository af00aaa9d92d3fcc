using PointSystem.Domain.Points;

namespace PointSystem.Tests.Domain;

/// <summary>A lot as a table row: the columns that never change, then those that do.</summary>
internal sealed record LotRow(
    long Id,
    long MemberId,
    PointKey Key,
    long Amount,
    DateOnly ExpirationDate,
    bool IsManualGrant,
    PointKey? SourceKey,
    DateTimeOffset CreatedAt)
{
    public long Available { get; init; }

    public long Used { get; init; }

    public long Cancelled { get; init; }

    public long Expired { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public static LotRow Of(Lot lot) =>
        new LotRow(lot.Id, lot.MemberId, lot.Key, lot.Amount, lot.ExpirationDate, lot.IsManualGrant, lot.SourceKey, lot.CreatedAt).With(lot);

    /// <summary>As an UPDATE: sets only the columns that may change.</summary>
    public LotRow With(Lot lot) => this with
    {
        Available = lot.Available,
        Used = lot.Used,
        Cancelled = lot.Cancelled,
        Expired = lot.Expired,
        UpdatedAt = lot.UpdatedAt,
    };

    public Lot ToLot() => new()
    {
        Id = Id,
        MemberId = MemberId,
        Key = Key,
        Amount = Amount,
        Available = Available,
        Used = Used,
        Cancelled = Cancelled,
        Expired = Expired,
        ExpirationDate = ExpirationDate,
        IsManualGrant = IsManualGrant,
        SourceKey = SourceKey,
        CreatedAt = CreatedAt,
        UpdatedAt = UpdatedAt,
    };
}

internal sealed record UsageRow(long Id, long MemberId, PointKey Key, string OrderNumber, long TotalAmount, DateTimeOffset CreatedAt)
{
    public long CancelledAmount { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public static UsageRow Of(Usage usage) =>
        new UsageRow(usage.Id, usage.MemberId, usage.Key, usage.OrderNumber, usage.TotalAmount, usage.CreatedAt).With(usage);

    public UsageRow With(Usage usage) => this with { CancelledAmount = usage.CancelledAmount, UpdatedAt = usage.UpdatedAt };

    public Usage ToUsage(IEnumerable<DetailRow> details) => new()
    {
        Id = Id,
        MemberId = MemberId,
        Key = Key,
        OrderNumber = OrderNumber,
        TotalAmount = TotalAmount,
        CancelledAmount = CancelledAmount,
        Details = [.. details.Select(detail => detail.ToDetail())],
        CreatedAt = CreatedAt,
        UpdatedAt = UpdatedAt,
    };
}

internal sealed record DetailRow(PointKey UsageKey, int Number, long LotId, PointKey LotKey, long Amount, long CancelledAmount)
{
    public static DetailRow Of(Usage usage, UsageDetail detail) =>
        new(usage.Key, detail.Number, detail.LotId, detail.LotKey, detail.Amount, detail.CancelledAmount);

    public UsageDetail ToDetail() =>
        new() { Number = Number, LotId = LotId, LotKey = LotKey, Amount = Amount, CancelledAmount = CancelledAmount };
}
