using System.Text.Json.Serialization;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>An endpoint that is told about events.</summary>
/// <param name="Url">Where events are sent: https, to a public address.</param>
/// <param name="Description">What it is, at most 500 characters.</param>
/// <param name="Types">The types of events that it wants; omitted or empty means all.</param>
/// <param name="After">Only for a new one: a cursor of /api/events, after which it gets the events. Omitted: where the feed ends at this moment.</param>
internal sealed record PutWebhookRequest(string Url, string? Description = null, IReadOnlyList<string>? Types = null, string? After = null);

/// <summary>A rotation.</summary>
/// <param name="OverlapHours">For how long the old secret signs too.</param>
internal sealed record RotateWebhookSecretRequest(int? OverlapHours = null);

/// <summary>An endpoint that is told about events.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Url">Where events are sent.</param>
/// <param name="Description">What it is.</param>
/// <param name="Types">The types of events that it wants; none means all.</param>
/// <param name="Enabled">Whether events are sent.</param>
/// <param name="DisabledReason">Why none are.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="Next">The cursor of /api/events up to which events are delivered, or wait in its log.</param>
internal sealed record WebhookResponse(
    string Name, string Url, string? Description, IReadOnlyList<string> Types, bool Enabled, string? DisabledReason, DateTimeOffset CreatedAt, string Next)
{
    /// <summary>The secret that verifies signatures; only in the answer that made it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Secret { get; init; }
}

/// <summary>All endpoints.</summary>
internal sealed record WebhookListResponse(IReadOnlyList<WebhookResponse> Items, string? NextCursor);

/// <summary>What came of a test message.</summary>
/// <param name="Delivered">Whether the receiver accepted it.</param>
/// <param name="Status">The status of its answer; null if there was none.</param>
/// <param name="Error">Why it was not delivered.</param>
internal sealed record WebhookTestResponse(bool Delivered, int? Status, string? Error);

/// <summary>The delivery of an event to an endpoint.</summary>
/// <param name="Id">Names it in the log.</param>
/// <param name="EventId">The id of the event, which is the webhook-id of its message.</param>
/// <param name="EventType">The type of the event.</param>
/// <param name="Status">PENDING, DELIVERED, or DEAD after the last attempt.</param>
/// <param name="Attempts">Requests that were sent since it was created or replayed.</param>
/// <param name="CreatedAt">When the event was read.</param>
/// <param name="DueAt">When the next attempt is due; null if an earlier event of the member comes first, or if none will follow.</param>
/// <param name="AttemptedAt">When the last attempt ended.</param>
/// <param name="LastStatus">The status of the last answer; null if there was none.</param>
/// <param name="LastError">Why the last attempt failed.</param>
internal sealed record WebhookDeliveryResponse(
    string Id, string EventId, string EventType, string Status, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? DueAt, DateTimeOffset? AttemptedAt,
    int? LastStatus, string? LastError);

/// <summary>A page of deliveries, newest events first.</summary>
internal sealed record WebhookDeliveriesResponse(IReadOnlyList<WebhookDeliveryResponse> Items, string? NextCursor);

/// <summary>How many deliveries became pending again.</summary>
internal sealed record WebhookReplayResponse(int Replayed);
