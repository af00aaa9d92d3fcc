using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using PointSystem.Api.Features.Points.Queries;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Points;

namespace PointSystem.Api.Features.Points;

/// <summary>Ranges, lengths and the values of texts that are one of a few, which the types of requests and answers do not tell.</summary>
internal sealed class PointSchemas : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.JsonPropertyInfo is not { } property)
        {
            return Task.CompletedTask;
        }

        var owner = property.DeclaringType;
        schema.Enum = property.Name switch
        {
            "status" when typeof(AccumulationResponse).IsAssignableFrom(owner) => Values(Enum.GetValues<LotStatus>().Select(WireNames.Of)),
            "status" when typeof(UsageResponse).IsAssignableFrom(owner) => Values(Enum.GetValues<UsageStatus>().Select(WireNames.Of)),
            "kind" when owner == typeof(HistoryItem) => Values(WireNames.Kinds),
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

    private static List<JsonNode> Values(IEnumerable<string> texts) => [.. texts.Select(text => JsonValue.Create(text))];
}
