using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PointSystem.Api.Features.Points.Queries;

namespace PointSystem.Api.Features.Events;

/// <summary>An event, in the JSON format of CloudEvents 1.0. docs/events.md describes the types.</summary>
/// <param name="SpecVersion">The version of CloudEvents: 1.0.</param>
/// <param name="Id">Unique for the source; consumers ignore an id that they have seen.</param>
/// <param name="Source">The member, the configuration, the audit, or the notices of expirations.</param>
/// <param name="Type">What happened, with the version of the data.</param>
/// <param name="Subject">The id of the member, the configuration key, or the target of an administrator's action.</param>
/// <param name="Time">Time of the ledger entries, of the configuration change, or of the action.</param>
/// <param name="DataContentType">The type of the data: application/json.</param>
/// <param name="PartitionKey">The same as the subject: events with the same key are in order.</param>
/// <param name="Sequence">Ascending for each source, with 19 digits (of the audit, twice 19 digits), so that it compares as text.</param>
/// <param name="Data">The data.</param>
internal sealed record CloudEvent(
    [property: JsonPropertyName("specversion")] string SpecVersion,
    string Id,
    string Source,
    string Type,
    string Subject,
    DateTimeOffset Time,
    [property: JsonPropertyName("datacontenttype")] string DataContentType,
    [property: JsonPropertyName("partitionkey")] string PartitionKey,
    string Sequence,
    EventData Data)
{
    /// <summary>The type of an event as JSON with its envelope.</summary>
    public const string MediaType = "application/cloudevents+json";

    /// <summary>The event of ledger entries with its first details only; the cursor leads to the others.</summary>
    public CloudEvent WithDetails(int count)
    {
        var last = long.Parse(Sequence, CultureInfo.InvariantCulture);
        var next = HistoryQuery.NextEntries(Data.MemberId!.Value, last - Data.DetailsTotal!.Value + 1 + count, last);
        return this with { Data = Data with { Details = [.. Data.Details!.Take(count)], DetailsNextCursor = next } };
    }
}

/// <summary>
/// The data of an event. One type for all events, because clients that are generated from the OpenAPI document know no unions; the
/// AsyncAPI document has a schema for each type. A field that a type does not have is omitted.
/// </summary>
/// <param name="Actor">Who caused it, as recorded in the ledger.</param>
internal sealed record EventData(string Actor)
{
    /// <summary>The member.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? MemberId { get; init; }

    /// <summary>Key of the accumulation, usage, cancellation or transfer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PointKey { get; init; }

    /// <summary>The order of a usage or of a cancellation of one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? OrderNumber { get; init; }

    /// <summary>The cancelled usage.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? UsagePointKey { get; init; }

    /// <summary>The member that gives the points of a transfer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? FromMemberId { get; init; }

    /// <summary>The member that receives the points of a transfer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? ToMemberId { get; init; }

    /// <summary>Points added to the member's balance (positive) or taken from it (negative).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Amount { get; init; }

    /// <summary>The member's balance in the ledger after the event.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? BalanceAfter { get; init; }

    /// <summary>The reason, if one was given.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>One for each changed accumulation, in ledger order; the first 100.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<EventDetail>? Details { get; init; }

    /// <summary>Total number of details.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? DetailsTotal { get; init; }

    /// <summary>The cursor of the further details for GET /api/points/history/{memberId}/entries.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DetailsNextCursor { get; init; }

    /// <summary>Of a notice: the last date on which the points can be used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateOnly? ExpirationDate { get; init; }

    /// <summary>Of a notice: how many days before the date it is given; fewer if the service was stopped then.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? DaysAhead { get; init; }

    /// <summary>Of a notice: the points that expire after the date unless they are used.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? ExpiringAmount { get; init; }

    /// <summary>The changed configuration key.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ConfigKey { get; init; }

    /// <summary>The value before the change.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? OldValue { get; init; }

    /// <summary>The value after the change.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? NewValue { get; init; }

    /// <summary>The description after the change.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Description { get; init; }

    /// <summary>What an administrator did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Action { get; init; }

    /// <summary>What the administrator acted on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Target { get; init; }

    /// <summary>The target before the action, as an object.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, JsonElement>? Before { get; init; }

    /// <summary>The target after the action, as an object.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, JsonElement>? After { get; init; }

    /// <summary>The address from which the administrator's request came: that of the gateway if there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Address { get; init; }

    /// <summary>Whom the sender of the request named as its client (X-Forwarded-For).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ForwardedFor { get; init; }

    /// <summary>The trace id of the administrator's request.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TraceId { get; init; }
}

/// <summary>A change of one accumulation.</summary>
/// <param name="AccumulationKey">The accumulation.</param>
/// <param name="Amount">Points added to it (positive) or taken from it (negative).</param>
/// <param name="ExpirationDate">Its last usable date.</param>
/// <param name="IsManualGrant">Whether it is a manual grant.</param>
internal sealed record EventDetail(string AccumulationKey, long Amount, DateOnly ExpirationDate, bool IsManualGrant)
{
    /// <summary>
    /// If the event created the accumulation from another one: the expired accumulation of a cancelled usage, or the giver's of a transfer.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SourceAccumulationKey { get; init; }
}

/// <summary>The names of the event types. They are public: never rename one; a changed schema gets a new version.</summary>
internal static class EventTypes
{
    public const string Accumulated = "points.accumulated.v1";
    public const string AccumulationCancelled = "points.accumulation-cancelled.v1";
    public const string Used = "points.used.v1";
    public const string UseCancelled = "points.use-cancelled.v1";
    public const string Transferred = "points.transferred.v1";
    public const string Expired = "points.expired.v1";
    public const string Expiring = "points.expiring.v1";
    public const string ConfigChanged = "points.config-changed.v1";
    public const string AdminActed = "points.admin-acted.v1";

    /// <summary>All types.</summary>
    public static IReadOnlyList<string> All { get; } =
        [Accumulated, AccumulationCancelled, Used, UseCancelled, Transferred, Expired, Expiring, ConfigChanged, AdminActed];

    /// <summary>The type of the event that starts with an entry of this kind.</summary>
    public static string OfKind(string kind) => kind switch
    {
        "ACCUMULATE" => Accumulated,
        "ACCUMULATE_CANCEL" => AccumulationCancelled,
        "USE" => Used,
        "USE_CANCEL" or "REGRANT" => UseCancelled,
        "TRANSFER_OUT" or "TRANSFER_IN" => Transferred,
        "EXPIRE" => Expired,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind."),
    };
}
