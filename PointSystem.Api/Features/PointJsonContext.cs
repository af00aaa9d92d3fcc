using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Config;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Features.Locks;
using PointSystem.Api.Features.Notifications;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Features.Webhooks;
using PointSystem.Api.Http;

namespace PointSystem.Api.Features;

/// <summary>The JSON serialization of all answers, generated at compile time. Each new answer type needs a line here.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(AccumulationResponse))]
[JsonSerializable(typeof(UsageResponse))]
[JsonSerializable(typeof(CancellationResponse))]
[JsonSerializable(typeof(TransferResponse))]
[JsonSerializable(typeof(GetBalance.Response), TypeInfoPropertyName = "BalanceRead")]
[JsonSerializable(typeof(GetExpiring.Response), TypeInfoPropertyName = "ExpiringRead")]
[JsonSerializable(typeof(GetExpiring.Item), TypeInfoPropertyName = "ExpiringItem")]
[JsonSerializable(typeof(GetHistory.Response), TypeInfoPropertyName = "HistoryRead")]
[JsonSerializable(typeof(GetAccumulation.Response), TypeInfoPropertyName = "AccumulationRead")]
[JsonSerializable(typeof(GetUsage.Response), TypeInfoPropertyName = "UsageRead")]
[JsonSerializable(typeof(GetOrder.Response), TypeInfoPropertyName = "OrderRead")]
[JsonSerializable(typeof(GetStatement.Response), TypeInfoPropertyName = "StatementRead")]
[JsonSerializable(typeof(Page<UsageDetailResponse>), TypeInfoPropertyName = "UsageDetailPage")]
[JsonSerializable(typeof(Page<HistoryEntry>), TypeInfoPropertyName = "HistoryEntryPage")]
[JsonSerializable(typeof(ConfigResponse))]
[JsonSerializable(typeof(ConfigListResponse))]
[JsonSerializable(typeof(ConfigHistoryResponse))]
[JsonSerializable(typeof(UpdateConfigRequest))]
[JsonSerializable(typeof(AuditResponse))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, JsonElement>))]
[JsonSerializable(typeof(EventsResponse))]
[JsonSerializable(typeof(LedgerExportLine))]
[JsonSerializable(typeof(PutWebhookRequest))]
[JsonSerializable(typeof(RotateWebhookSecretRequest))]
[JsonSerializable(typeof(WebhookResponse))]
[JsonSerializable(typeof(WebhookListResponse))]
[JsonSerializable(typeof(WebhookTestResponse))]
[JsonSerializable(typeof(WebhookDeliveryResponse))]
[JsonSerializable(typeof(WebhookDeliveriesResponse))]
[JsonSerializable(typeof(WebhookReplayResponse))]
[JsonSerializable(typeof(PutContactRequest))]
[JsonSerializable(typeof(ContactResponse))]
[JsonSerializable(typeof(SentNotificationsResponse))]
[JsonSerializable(typeof(NotificationResponse))]
[JsonSerializable(typeof(NotificationsResponse))]
[JsonSerializable(typeof(NotificationReplayResponse))]
[JsonSerializable(typeof(LocksResponse))]
[JsonSerializable(typeof(MemberReport))]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(IReadOnlyList<MemberReport>))]
internal sealed partial class PointJsonContext : JsonSerializerContext
{
    /// <summary>The context with the options that answers are written with.</summary>
    public static PointJsonContext Wire { get; } = new(ProblemJsonContext.NewWireOptions());
}
