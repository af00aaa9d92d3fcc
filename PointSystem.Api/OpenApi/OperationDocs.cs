using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using PointSystem.Api.Http;
using PointSystem.Api.Security;
using PointSystem.Domain.Points;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.OpenApi;

/// <summary>
/// Writes the metadata of <see cref="EndpointDocs"/> into the document: bodies, parameters, examples, and problems with their codes.
/// </summary>
internal sealed class OperationDocs : IOpenApiOperationTransformer
{
    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        operation.Responses ??= [];
        DescribePath(operation);
        AddParameters(operation, metadata.OfType<ParameterDoc>());
        if (metadata.OfType<RequestDoc>().LastOrDefault() is { } request)
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = !request.Optional,
                Content = Json("application/json", await SchemaAsync(request.Type, context, cancellationToken), JsonNode.Parse(request.Example)),
            };
        }

        foreach (var answer in metadata.OfType<AnswerDoc>())
        {
            if (operation.Responses.TryGetValue(Key(answer.Status), out var response)
                && response.Content?.TryGetValue(answer.ContentType, out var body) == true)
            {
                body.Example = JsonNode.Parse(answer.Example);
            }
        }

        operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(DocumentDocs.Bearer, context.Document)] = [] }];
        if (metadata.OfType<IAuthorizeData>().LastOrDefault()?.Policy is Rights.Read or Rights.Write)
        {
            // Optional where the installation allows it (Auth:AllowAnonymous).
            operation.Security.Add(new OpenApiSecurityRequirement());
        }

        await AddProblemsAsync(operation, [.. metadata.OfType<RefusalDoc>()], context, cancellationToken);
    }

    private static void AddParameters(OpenApiOperation operation, IEnumerable<ParameterDoc> parameters)
    {
        foreach (var parameter in parameters)
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = parameter.Name,
                In = parameter.IsHeader ? ParameterLocation.Header : ParameterLocation.Query,
                Description = parameter.Description,
                Required = parameter.IsRequired,
                Schema = parameter.Schema,
            });
        }
    }

    /// <summary>
    /// Adds the types of path parameters. Handlers take them as strings, so that an invalid one gets a sentence instead of a plain 404.
    /// </summary>
    private static void DescribePath(OpenApiOperation operation)
    {
        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>().Where(parameter => parameter.In == ParameterLocation.Path))
        {
            (parameter.Description, parameter.Schema) = parameter.Name switch
            {
                "memberId" => ("The member.", Identifier()),
                "runId" => ("The run.", Identifier()),
                "orderNumber" => (
                    "The order number, percent-encoded; also a slash.",
                    new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = OrderNumbers.LengthMax }),
                "notificationId" => ("The notification.", Identifier()),
                "name" => ("The name of the endpoint.", new OpenApiSchema { Type = JsonSchemaType.String }),
                "deliveryId" => ("The id of the delivery, from the log.", new OpenApiSchema { Type = JsonSchemaType.String }),
                "key" => ("The configuration key.", new OpenApiSchema { Type = JsonSchemaType.String }),
                _ => ("The point key from an earlier answer.", new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = PointKey.LengthMax }),
            };
            // Documentation pages send the example as it is. No point key exists in every installation.
            parameter.Example = parameter.Name switch { "memberId" => 7, "orderNumber" => "A1234", "runId" => 1, "key" => "MAX_BALANCE_PER_MEMBER", _ => null };
        }
    }

    private static OpenApiSchema Identifier() => new() { Type = JsonSchemaType.Integer, Format = "int64", Minimum = "1" };

    private static async Task AddProblemsAsync(
        OpenApiOperation operation,
        IEnumerable<RefusalDoc> refusals,
        OpenApiOperationTransformerContext context,
        CancellationToken cancellationToken)
    {
        var all = refusals
            // Unknown parameters.
            .Append(new(400, [ProblemCodes.InvalidRequest]))
            .Append(new(401, [ProblemCodes.Unauthorized]))
            .Append(new(403, [ProblemCodes.Forbidden]))
            .Concat(operation.RequestBody is not null
                ? [new(408, [ProblemCodes.RequestTimeout]), new(413, [ProblemCodes.RequestTooLarge]), new(415, [ProblemCodes.UnsupportedMediaType])]
                : [])
            .Append(new(429, [ProblemCodes.TooManyRequests, ProblemCodes.RateLimited]))
            .Append(new(500, [ProblemCodes.InternalError]))
            .Append(new(502, [ProblemCodes.ReplicaLost]))
            .Append(new(503, [ProblemCodes.DatabaseUnavailable, ProblemCodes.ReplicaUnavailable, ProblemCodes.TokensUnavailable]))
            .Append(new(504, [ProblemCodes.ReplicaTimeout]));
        var schema = await SchemaAsync(typeof(Problem), context, cancellationToken);
        foreach (var byStatus in all.GroupBy(refusal => refusal.Status).OrderBy(group => group.Key))
        {
            var codes = byStatus.SelectMany(refusal => refusal.Codes).Distinct().ToList();
            operation.Responses![Key(byStatus.Key)] = new OpenApiResponse
            {
                Description = string.Join(", ", codes.Select(code => $"`{code}`")),
                Content = Json(ProblemResult.ContentType, schema, ProblemExamples.Of(byStatus.Key, codes[0])),
                Headers = codes.Contains(ProblemCodes.RateLimited) ? LimitHeaders() : null,
            };
        }
    }

    private static Dictionary<string, IOpenApiHeader> LimitHeaders()
    {
        static OpenApiHeader Header(JsonSchemaType type, string description) =>
            new() { Description = description, Schema = new OpenApiSchema { Type = type } };
        return new()
        {
            ["Retry-After"] = Header(JsonSchemaType.Integer, "Seconds until the request can be repeated."),
            ["RateLimit-Policy"] = Header(JsonSchemaType.String, "The limits, such as \"client\";q=100;w=1: 100 requests in 1 s."),
            ["RateLimit"] = Header(JsonSchemaType.String, "What is left of them, such as \"client\";r=0;t=1: nothing, and everything in 1 s."),
        };
    }

    private static async Task<IOpenApiSchema> SchemaAsync(Type type, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        // Request types are nested: UsePoints.Request is published as UsePointsRequest.
        var name = type.DeclaringType?.Name + type.Name;
        if (context.Document?.Components?.Schemas?.ContainsKey(name) != true)
        {
            var schema = await context.GetOrCreateSchemaAsync(type, null, cancellationToken);
            context.Document?.AddComponent<IOpenApiSchema>(name, schema);
        }

        return new OpenApiSchemaReference(name, context.Document);
    }

    private static Dictionary<string, OpenApiMediaType> Json(string mediaType, IOpenApiSchema schema, JsonNode? example) =>
        new() { [mediaType] = new OpenApiMediaType { Schema = schema, Example = example } };

    private static string Key(int status) => status.ToString(CultureInfo.InvariantCulture);
}
