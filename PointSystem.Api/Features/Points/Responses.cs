using System.Text.Json.Serialization;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>An accumulation.</summary>
/// <param name="PointKey">The key of the accumulation.</param>
/// <param name="MemberId">The member.</param>
/// <param name="Amount">Points granted.</param>
/// <param name="AvailableAmount">Points that can be used.</param>
/// <param name="ExpirationDate">Last business date on which the points can be used.</param>
/// <param name="IsManualGrant">Whether it is a manual grant.</param>
/// <param name="Status">ACCUMULATED, CANCELLED or EXPIRED.</param>
/// <param name="SourcePointKey">For a re-grant or a transfer: the accumulation that the points come from.</param>
/// <param name="CreatedAt">Time of the grant.</param>
/// <param name="UpdatedAt">Time of the last change.</param>
/// <param name="BalanceAfter">The member's balance after the write. Left out where the accumulation is read.</param>
/// <param name="Version">The member's version after the write. Left out where the accumulation is read.</param>
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
    DateTimeOffset UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? BalanceAfter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Version = null)
{
    /// <summary>The answer to a write of the accumulation.</summary>
    public static AccumulationResponse From(Lot lot, MemberAccount account) =>
        From(lot, account.At.Today) with { BalanceAfter = account.LiveBalance, Version = account.Version };

    public static AccumulationResponse From(Lot lot, DateOnly today)
    {
        var status = lot.StatusOn(today);
        return new(
            lot.Key.Value,
            lot.MemberId,
            lot.Amount,
            // Expired points cannot be used, whether or not their expiry has been posted.
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
/// How many items of a long list an answer includes; further items are read page by page. This limits the size of answers and of their
/// stored copies.
/// </summary>
internal static class InnerLists
{
    /// <summary>Maximum number of details of a usage or a transfer, or parts of a cancellation.</summary>
    public const int SizeMax = Paging.SizeMax;

    /// <summary>Maximum number of parts of each cancellation in the list of a usage's cancellations.</summary>
    public const int NestedSizeMax = 20;

    /// <summary>The name of the list of a usage's details, for its cursors. A position is the number of a detail.</summary>
    public static string DetailsOf(PointKey usage) => $"details:{usage.Value}";

    /// <summary>
    /// The name of the list of a cancellation's or a transfer's parts, for its cursors. A position is the number of parts before it.
    /// </summary>
    public static string PartsOf(PointKey key) => $"parts:{key.Value}";

    /// <summary>The cursor of the items after the first <paramref name="shown"/>; null if there are no more.</summary>
    public static string? Next(string list, long shown, long total) => shown < total ? Cursor.Write(list, shown) : null;
}

/// <summary>Points used for an order.</summary>
/// <param name="PointKey">The key of the usage.</param>
/// <param name="MemberId">The member.</param>
/// <param name="OrderNumber">The order.</param>
/// <param name="TotalAmount">Points used.</param>
/// <param name="CancelledAmount">Points given back by cancellations.</param>
/// <param name="Status">USED, PARTIALLY_CANCELLED or FULLY_CANCELLED.</param>
/// <param name="UsageDetails">Points drawn from each accumulation, in draw order; the first 100.</param>
/// <param name="UsageDetailsTotal">Total number of details.</param>
/// <param name="UsageDetailsNextCursor">The cursor for GET …/use/{pointKey}/details; null if all details are included.</param>
/// <param name="CreatedAt">Time of creation.</param>
/// <param name="UpdatedAt">Time of the last change.</param>
/// <param name="BalanceAfter">The member's balance after the write. Left out where the usage is read.</param>
/// <param name="Version">The member's version after the write. Left out where the usage is read.</param>
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
    DateTimeOffset UpdatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? BalanceAfter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Version = null)
{
    /// <summary>The answer to a write of the usage.</summary>
    public static UsageResponse From(Usage usage, MemberAccount account) =>
        From(usage) with { BalanceAfter = account.LiveBalance, Version = account.Version };

    /// <summary>The answer for a usage with all details loaded.</summary>
    public static UsageResponse From(Usage usage) => From(usage, usage.Details.Count);

    /// <summary>The answer for a usage with the first details loaded.</summary>
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

/// <summary>Points that a usage drew from one accumulation.</summary>
internal sealed record UsageDetailResponse(string AccumulationKey, long Amount, long CancelledAmount)
{
    public static UsageDetailResponse From(UsageDetail detail) => new(detail.LotKey.Value, detail.Amount, detail.CancelledAmount);
}

/// <summary>
/// A cancellation and the usage after it. The usage is left out if the cancellation is read on its own or is part of a usage.
/// </summary>
/// <param name="PointKey">The key of the cancellation.</param>
/// <param name="UsagePointKey">The usage.</param>
/// <param name="MemberId">The member.</param>
/// <param name="CancelledAmount">Points given back.</param>
/// <param name="Restored">Points that were restored to accumulations that have not expired.</param>
/// <param name="Regranted">
/// Points that were granted again. Both lists together have the first 100 parts; within a usage, the first 20.
/// </param>
/// <param name="DetailsTotal">Total number of parts in both lists.</param>
/// <param name="DetailsNextCursor">The cursor for GET …/cancellations/{pointKey}; null if all parts are included.</param>
/// <param name="Reason">The reason, if one was given.</param>
/// <param name="CreatedAt">Time of creation.</param>
/// <param name="Usage">The usage after the cancellation.</param>
/// <param name="BalanceAfter">The member's balance after the write. Left out where the cancellation is read.</param>
/// <param name="Version">The member's version after the write. Left out where the cancellation is read.</param>
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
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] UsageResponse? Usage = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? BalanceAfter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Version = null)
{
    /// <summary>The answer to the write.</summary>
    public static CancellationResponse From(Cancellation cancellation, MemberAccount account)
    {
        // In the order of their ledger entries: restored parts first, then re-granted ones.
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
            UsageResponse.From(cancellation.Usage),
            account.LiveBalance,
            account.Version);
    }
}

/// <summary>Points that were restored to an accumulation that has not expired.</summary>
internal sealed record RestoredResponse(string AccumulationKey, long Amount);

/// <summary>Points that were granted again because their accumulation has expired.</summary>
internal sealed record RegrantedResponse(string ExpiredAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);

/// <summary>Points transferred from one member to another.</summary>
/// <param name="PointKey">The key of the transfer.</param>
/// <param name="FromMemberId">The member that gives the points.</param>
/// <param name="ToMemberId">The member that receives the points.</param>
/// <param name="Amount">Points transferred.</param>
/// <param name="Details">Points drawn from each accumulation, in draw order; the first 100.</param>
/// <param name="DetailsTotal">Total number of details.</param>
/// <param name="DetailsNextCursor">The cursor for GET …/transfers/{pointKey}; null if all details are included.</param>
/// <param name="Reason">The reason, if one was given.</param>
/// <param name="CreatedAt">Time of creation.</param>
/// <param name="FromBalanceAfter">The giver's balance after the write. This and the following are left out where the transfer is read.</param>
/// <param name="FromVersion">The giver's version after the write.</param>
/// <param name="ToBalanceAfter">The receiver's balance after the write.</param>
/// <param name="ToVersion">The receiver's version after the write.</param>
internal sealed record TransferResponse(
    string PointKey,
    long FromMemberId,
    long ToMemberId,
    long Amount,
    IReadOnlyList<TransferDetailResponse> Details,
    int DetailsTotal,
    string? DetailsNextCursor,
    string? Reason,
    DateTimeOffset CreatedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? FromBalanceAfter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? FromVersion = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? ToBalanceAfter = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? ToVersion = null)
{
    /// <summary>The answer to the write.</summary>
    public static TransferResponse From(Transfer transfer, MemberAccount from, MemberAccount to) => new(
        transfer.Key.Value,
        transfer.FromMemberId,
        transfer.ToMemberId,
        transfer.Amount,
        [.. transfer.Parts.Take(InnerLists.SizeMax).Select(part =>
            new TransferDetailResponse(part.SourceKey.Value, part.Lot.Key.Value, part.Lot.Amount, part.Lot.ExpirationDate))],
        transfer.Parts.Count,
        InnerLists.Next(InnerLists.PartsOf(transfer.Key), InnerLists.SizeMax, transfer.Parts.Count),
        transfer.Reason,
        transfer.CreatedAt,
        from.LiveBalance,
        from.Version,
        to.LiveBalance,
        to.Version);
}

/// <summary>The receiver's new accumulation for one accumulation of the giver.</summary>
internal sealed record TransferDetailResponse(string SourceAccumulationKey, string AccumulationKey, long Amount, DateOnly ExpirationDate);
