using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using PointSystem.Api.Configuration;
using PointSystem.Api.Features.Audit;
using PointSystem.Api.Features.Events;
using PointSystem.Api.Features.Locks;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Features.Reconciliation;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>
/// Adds to the schemas what the types of requests and answers do not show: ranges, lengths, the values of enumerations, and the fields
/// that an answer always has.
/// </summary>
internal sealed class PointSchemas : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.JsonTypeInfo is { Kind: JsonTypeInfoKind.Object } type && !type.Type.Name.EndsWith("Request", StringComparison.Ordinal))
        {
            schema.Required = type.Properties.Where(IsAlwaysWritten).Select(field => field.Name).ToHashSet();
        }

        if (context.JsonPropertyInfo is not { } property)
        {
            return Task.CompletedTask;
        }

        var owner = property.DeclaringType;
        schema.Enum = property.Name switch
        {
            "status" when typeof(AccumulationResponse).IsAssignableFrom(owner) => Values(Enum.GetValues<LotStatus>().Select(WireNames.Of)),
            "status" when typeof(UsageResponse).IsAssignableFrom(owner) => Values(Enum.GetValues<UsageStatus>().Select(WireNames.Of)),
            "kind" when owner == typeof(HistoryItem) || owner == typeof(StatementEntry) || owner == typeof(LedgerExportLine) => Values(WireNames.Kinds),
            "action" when owner == typeof(AuditEntryResponse) => Values(AdminAudit.Actions),
            "status" when owner == typeof(MemberReport) => Values([MemberReport.Matched, MemberReport.Corrected, MemberReport.Broken, MemberReport.Failed]),
            "status" when owner == typeof(RunReport) => Values([RunReport.Running, RunReport.Completed]),
            "state" when owner == typeof(BreakerResponse) => Values(["closed", "open"]),
            "mode" when owner == typeof(LocksResponse) => Modes(),
            _ when owner == typeof(OperationModes) => Modes(),
            _ => schema.Enum,
        };
        if (owner.Name != "Request")
        {
            return Task.CompletedTask;
        }

        switch (property.Name)
        {
            case "memberId" or "fromMemberId" or "toMemberId" or "amount":
                schema.Minimum = "1";
                break;
            case "orderNumber":
                (schema.MinLength, schema.MaxLength) = (1, OrderNumbers.LengthMax);
                break;
            case "reason":
                schema.MaxLength = Lengths.Reason;
                break;
        }

        return Task.CompletedTask;
    }

    private static bool IsAlwaysWritten(JsonPropertyInfo field) => field.AttributeProvider?.IsDefined(typeof(JsonIgnoreAttribute), inherit: true) != true;

    private static List<JsonNode> Modes() => Values(LockModes.Names);

    private static List<JsonNode> Values(IEnumerable<string> texts) => [.. texts.Select(text => JsonValue.Create(text))];
}
