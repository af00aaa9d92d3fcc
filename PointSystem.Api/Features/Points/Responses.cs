using System.Text.Json.Serialization;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>A lot, as every answer shows it.</summary>
/// <param name="PointKey">Its key.</param>
/// <param name="MemberId">Whose it is.</param>
/// <param name="Amount">Points granted.</param>
/// <param name="AvailableAmount">Points of it that can be used now.</param>
/// <param name="ExpirationDate">Last business date on which they can be used.</param>
/// <param name="IsManualGrant">Granted by hand.</param>
/// <param name="Status">ACCUMULATED, CANCELLED or EXPIRED.</param>
/// <param name="SourcePointKey">The lot that a re-grant or a transfer comes from.</param>
/// <param name="CreatedAt">When it was granted.</param>
/// <param name="UpdatedAt">When it last changed.</param>
internal record AccumulationResponse(
    string PointKey,
    long MemberId,
    long Amount,
    long AvailableAmount,
    DateOnly ExpirationDate,
    bool IsManualGrant,
    string Status,
    string? SourcePointKey,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static AccumulationResponse From(Lot lot, DateOnly today)
    {
        var status = lot.StatusOn(today);
        return new(
            lot.Key.Value,
            lot.MemberId,
            lot.Amount,
            // What has lapsed cannot be used, whether or not the lapse has been posted.
            status == LotStatus.Accumulated ? lot.Available : 0,
            lot.ExpirationDate,
            lot.IsManualGrant,
            WireNames.Of(status),
            lot.SourceKey?.Value,
            lot.CreatedAt,
            lot.UpdatedAt);
    }
}

/// <summary>Points spent on an order.</summary>
internal record UsageResponse(
    string PointKey,
    long MemberId,
    string OrderNumber,
    long TotalAmount,
    long CancelledAmount,
    string Status,
    IReadOnlyList<UsageDetailResponse> UsageDetails,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static UsageResponse From(Usage usage) => new(
        usage.Key.Value,
        usage.MemberId,
        usage.OrderNumber,
        usage.TotalAmount,
        usage.CancelledAmount,
        WireNames.Of(usage.Status),
        [.. usage.Details.Select(detail => new UsageDetailResponse(detail.LotKey.Value, detail.Amount, detail.CancelledAmount))],
        usage.CreatedAt,
        usage.UpdatedAt);
}

/// <summary>What a usage drew from one lot, in the order of drawing.</summary>
internal sealed record UsageDetailResponse(string AccumulationKey, long Amount, long CancelledAmount);

/// <summary>A cancellation and the usage as it left it; without the usage where it stands inside of one.</summary>
internal sealed record CancellationResponse(
    string PointKey,
    string UsagePointKey,
    long MemberId,
    long CancelledAmount,
    IReadOnlyList<RestoredResponse> Restored,
    IReadOnlyList<RegrantedResponse> Regranted,
    string? Reason,
    DateTimeOffset CreatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] UsageResponse? Usage)
{
    public static CancellationResponse From(Cancellation cancellation) => new(
        cancellation.Key.Value,
        cancellation.Usage.Key.Value,
        cancellation.Usage.MemberId,
        cancellation.Amount,
        [.. cancellation.Restored.Select(part => new RestoredResponse(part.Lot.Key.Value, part.Amount))],
        [.. cancellation.Regranted.Select(part =>
            new RegrantedResponse(part.ExpiredKey.Value, part.Lot.Key.Value, part.Lot.Amount, part.Lot.ExpirationDate))],
        cancellation.Reason,
        cancellation.CreatedAt,
        UsageResponse.From(cancellation.Usage));
}

/// <summary>Points that went back to a lot still live.</summary>
internal sealed record RestoredResponse(string AccumulationKey, long Amount);

/// <summary>Points granted anew because their lot has expired.</summary>
internal sealed record RegrantedResponse(string ExpiredAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);

/// <summary>Points given from one member to another.</summary>
internal sealed record TransferResponse(
    string PointKey,
    long FromMemberId,
    long ToMemberId,
    long Amount,
    IReadOnlyList<TransferDetailResponse> Details,
    string? Reason,
    DateTimeOffset CreatedAt)
{
    public static TransferResponse From(Transfer transfer) => new(
        transfer.Key.Value,
        transfer.FromMemberId,
        transfer.ToMemberId,
        transfer.Amount,
        [.. transfer.Parts.Select(part =>
            new TransferDetailResponse(part.SourceKey.Value, part.Lot.Key.Value, part.Lot.Amount, part.Lot.ExpirationDate))],
        transfer.Reason,
        transfer.CreatedAt);
}

/// <summary>The receiver's lot for one lot of the giver.</summary>
internal sealed record TransferDetailResponse(string SourceAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);
