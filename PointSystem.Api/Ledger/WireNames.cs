using PointSystem.Domain.Points;

namespace PointSystem.Api.Ledger;

/// <summary>The names of kinds and statuses in the API and in the database.</summary>
internal static class WireNames
{
    /// <summary>The names of all kinds.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [.. Enum.GetValues<PointKind>().Select(Of)];

    public static string Of(PointKind kind) => kind switch
    {
        PointKind.Accumulate => "ACCUMULATE",
        PointKind.AccumulateCancel => "ACCUMULATE_CANCEL",
        PointKind.Use => "USE",
        PointKind.UseCancel => "USE_CANCEL",
        PointKind.Regrant => "REGRANT",
        PointKind.TransferOut => "TRANSFER_OUT",
        PointKind.TransferIn => "TRANSFER_IN",
        PointKind.Expire => "EXPIRE",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind."),
    };

    public static string Of(LotStatus status) => status switch
    {
        LotStatus.Accumulated => "ACCUMULATED",
        LotStatus.Cancelled => "CANCELLED",
        LotStatus.Expired => "EXPIRED",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Unknown status."),
    };

    public static string Of(UsageStatus status) => status switch
    {
        UsageStatus.Used => "USED",
        UsageStatus.PartiallyCancelled => "PARTIALLY_CANCELLED",
        UsageStatus.FullyCancelled => "FULLY_CANCELLED",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Unknown status."),
    };
}
