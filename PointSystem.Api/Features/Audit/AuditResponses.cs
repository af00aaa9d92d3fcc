using System.Text.Json;

namespace PointSystem.Api.Features.Audit;

/// <summary>What an administrator did.</summary>
/// <param name="Id">Unique; also in the id of the event.</param>
/// <param name="OccurredAt">When, in real time.</param>
/// <param name="Actor">Who, as in the ledger.</param>
/// <param name="Address">From where: the other end of the connection, which is the gateway if there is one; null for what a job does for the actor.</param>
/// <param name="ForwardedFor">Whom the other end names as its client (X-Forwarded-For); null if it names nobody.</param>
/// <param name="TraceId">The W3C trace id of the request; null for a job.</param>
/// <param name="Action">What was done.</param>
/// <param name="Target">To what.</param>
/// <param name="Before">The target before, as an object; null if there was nothing.</param>
/// <param name="After">The target after it, as an object.</param>
internal sealed record AuditEntryResponse(
    long Id,
    DateTimeOffset OccurredAt,
    string Actor,
    string? Address,
    string? ForwardedFor,
    string? TraceId,
    string Action,
    string Target,
    IReadOnlyDictionary<string, JsonElement>? Before,
    IReadOnlyDictionary<string, JsonElement>? After);

/// <summary>A page of the audit, newest first.</summary>
/// <param name="Items">The entries.</param>
/// <param name="NextCursor">The cursor of the next page; null on the last page.</param>
internal sealed record AuditResponse(IReadOnlyList<AuditEntryResponse> Items, string? NextCursor);
