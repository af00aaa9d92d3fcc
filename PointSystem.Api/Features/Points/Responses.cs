using System.Text.Json.Serialization;
using PointSystem.Api.Http;
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

/// <summary>
/// How much of a list that can be long stands inside an answer; the rest is read page by page. This bounds answers, and what is kept of them for replays.
/// </summary>
internal static class InnerLists
{
    /// <summary>Details of a usage or a transfer, parts of a cancellation.</summary>
    public const int SizeMax = Paging.SizeMax;

    /// <summary>Parts of each cancellation in the list of a usage's cancellations.</summary>
    public const int NestedSizeMax = 20;

    /// <summary>The name of the list of what a usage drew, for its cursors. A position is a detail's number.</summary>
    public static string DetailsOf(PointKey usage) => $"details:{usage.Value}";

    /// <summary>The name of the list of a cancellation's or a transfer's parts, for its cursors. A position is the number of parts before it.</summary>
    public static string PartsOf(PointKey key) => $"parts:{key.Value}";

    /// <summary>The cursor of what follows after so many; null when that is all.</summary>
    public static string? Next(string list, long shown, long total) => shown < total ? Cursor.Write(list, shown) : null;
}

/// <summary>Points spent on an order.</summary>
/// <param name="PointKey">Its key.</param>
/// <param name="MemberId">Whose points.</param>
/// <param name="OrderNumber">The order.</param>
/// <param name="TotalAmount">Points spent.</param>
/// <param name="CancelledAmount">Points of these given back.</param>
/// <param name="Status">USED, PARTIALLY_CANCELLED or FULLY_CANCELLED.</param>
/// <param name="UsageDetails">What was drawn from which lot, in the order of drawing; the first 100.</param>
/// <param name="UsageDetailsTotal">How many of them there are.</param>
/// <param name="UsageDetailsNextCursor">Where GET …/use/{pointKey}/details goes on; null when all are here.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="UpdatedAt">When it last changed.</param>
internal record UsageResponse(
    string PointKey,
    long MemberId,
    string OrderNumber,
    long TotalAmount,
    long CancelledAmount,
    string Status,
    IReadOnlyList<UsageDetailResponse> UsageDetails,
    int UsageDetailsTotal,
    string? UsageDetailsNextCursor,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    /// <summary>The answer for a usage whose details are all loaded.</summary>
    public static UsageResponse From(Usage usage) => From(usage, usage.Details.Count);

    /// <summary>The answer for a usage of which the first details are loaded.</summary>
    public static UsageResponse From(Usage usage, int details) => new(
        usage.Key.Value,
        usage.MemberId,
        usage.OrderNumber,
        usage.TotalAmount,
        usage.CancelledAmount,
        WireNames.Of(usage.Status),
        [.. usage.Details.Take(InnerLists.SizeMax).Select(UsageDetailResponse.From)],
        details,
        InnerLists.Next(InnerLists.DetailsOf(usage.Key), InnerLists.SizeMax, details),
        usage.CreatedAt,
        usage.UpdatedAt);
}

/// <summary>What a usage drew from one lot, in the order of drawing.</summary>
internal sealed record UsageDetailResponse(string AccumulationKey, long Amount, long CancelledAmount)
{
    public static UsageDetailResponse From(UsageDetail detail) => new(detail.LotKey.Value, detail.Amount, detail.CancelledAmount);
}

/// <summary>A cancellation and the usage as it left it; without the usage where it is read by itself or stands inside of one.</summary>
/// <param name="PointKey">Its own key.</param>
/// <param name="UsagePointKey">The usage.</param>
/// <param name="MemberId">Whose points.</param>
/// <param name="CancelledAmount">Points given back.</param>
/// <param name="Restored">Points that went back to lots still live.</param>
/// <param name="Regranted">Points granted anew. Of both together the first 100 are here; inside of a usage, the first 20.</param>
/// <param name="DetailsTotal">How many there are of both together.</param>
/// <param name="DetailsNextCursor">Where GET …/cancellations/{pointKey} goes on; null when all are here.</param>
/// <param name="Reason">Why, if said.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="Usage">The usage.</param>
internal sealed record CancellationResponse(
    string PointKey,
    string UsagePointKey,
    long MemberId,
    long CancelledAmount,
    IReadOnlyList<RestoredResponse> Restored,
    IReadOnlyList<RegrantedResponse> Regranted,
    int DetailsTotal,
    string? DetailsNextCursor,
    string? Reason,
    DateTimeOffset CreatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] UsageResponse? Usage = null)
{
    public static CancellationResponse From(Cancellation cancellation)
    {
        // In the order of their ledger entries: what was restored, then what was granted anew.
        var total = cancellation.Restored.Count + cancellation.Regranted.Count;
        return new(
            cancellation.Key.Value,
            cancellation.Usage.Key.Value,
            cancellation.Usage.MemberId,
            cancellation.Amount,
            [.. cancellation.Restored.Take(InnerLists.SizeMax).Select(part => new RestoredResponse(part.Lot.Key.Value, part.Amount))],
            [.. cancellation.Regranted.Take(Math.Max(0, InnerLists.SizeMax - cancellation.Restored.Count)).Select(part =>
                new RegrantedResponse(part.ExpiredKey.Value, part.Lot.Key.Value, part.Lot.Amount, part.Lot.ExpirationDate))],
            total,
            InnerLists.Next(InnerLists.PartsOf(cancellation.Key), InnerLists.SizeMax, total),
            cancellation.Reason,
            cancellation.CreatedAt,
            UsageResponse.From(cancellation.Usage));
    }
}

/// <summary>Points that went back to a lot still live.</summary>
internal sealed record RestoredResponse(string AccumulationKey, long Amount);

/// <summary>Points granted anew because their lot has expired.</summary>
internal sealed record RegrantedResponse(string ExpiredAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);

/// <summary>Points given from one member to another.</summary>
/// <param name="PointKey">Its key.</param>
/// <param name="FromMemberId">The giver.</param>
/// <param name="ToMemberId">The receiver.</param>
/// <param name="Amount">Points given.</param>
/// <param name="Details">What was drawn from which lot, in the order of drawing; the first 100.</param>
/// <param name="DetailsTotal">How many of them there are.</param>
/// <param name="DetailsNextCursor">Where GET …/transfers/{pointKey} goes on; null when all are here.</param>
/// <param name="Reason">Why, if said.</param>
/// <param name="CreatedAt">When.</param>
internal sealed record TransferResponse(
    string PointKey,
    long FromMemberId,
    long ToMemberId,
    long Amount,
    IReadOnlyList<TransferDetailResponse> Details,
    int DetailsTotal,
    string? DetailsNextCursor,
    string? Reason,
    DateTimeOffset CreatedAt)
{
    public static TransferResponse From(Transfer transfer) => new(
        transfer.Key.Value,
        transfer.FromMemberId,
        transfer.ToMemberId,
        transfer.Amount,
        [.. transfer.Parts.Take(InnerLists.SizeMax).Select(part =>
            new TransferDetailResponse(part.SourceKey.Value, part.Lot.Key.Value, part.Lot.Amount, part.Lot.ExpirationDate))],
        transfer.Parts.Count,
        InnerLists.Next(InnerLists.PartsOf(transfer.Key), InnerLists.SizeMax, transfer.Parts.Count),
        transfer.Reason,
        transfer.CreatedAt);
}

/// <summary>The receiver's lot for one lot of the giver.</summary>
internal sealed record TransferDetailResponse(string SourceAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);
