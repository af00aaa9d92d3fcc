using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.Api.Features.Config;
using PointSystem.Api.Features.Locks;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Features.Reconciliation;

namespace PointSystem.Api.Http;

/// <summary>The JSON of everything that is answered, generated at compile time. A new DTO adds its line here.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(AccumulationResponse))]
[JsonSerializable(typeof(UsageResponse))]
[JsonSerializable(typeof(CancellationResponse))]
[JsonSerializable(typeof(TransferResponse))]
[JsonSerializable(typeof(GetBalance.Response), TypeInfoPropertyName = "BalanceRead")]
[JsonSerializable(typeof(GetHistory.Response), TypeInfoPropertyName = "HistoryRead")]
[JsonSerializable(typeof(GetAccumulation.Response), TypeInfoPropertyName = "AccumulationRead")]
[JsonSerializable(typeof(GetUsage.Response), TypeInfoPropertyName = "UsageRead")]
[JsonSerializable(typeof(Page<UsageDetailResponse>), TypeInfoPropertyName = "UsageDetailPage")]
[JsonSerializable(typeof(Page<HistoryEntry>), TypeInfoPropertyName = "HistoryEntryPage")]
[JsonSerializable(typeof(ConfigResponse))]
[JsonSerializable(typeof(ConfigListResponse))]
[JsonSerializable(typeof(ConfigHistoryResponse))]
[JsonSerializable(typeof(UpdateConfigRequest))]
[JsonSerializable(typeof(LocksResponse))]
[JsonSerializable(typeof(MemberReport))]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(IReadOnlyList<MemberReport>))]
internal sealed partial class PointJsonContext : JsonSerializerContext
{
    /// <summary>
    /// As answers are written: quotes and letters of other scripts stay readable. (The default escapes them for pages that paste JSON into HTML; ours
    /// goes out as application/json only.)
    /// </summary>
    public static PointJsonContext Wire { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
