using System.Globalization;
using Microsoft.OpenApi;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Results;

namespace PointSystem.Api.OpenApi;

/// <summary>What an endpoint says of itself in the OpenAPI document, in a few words where it is mapped.</summary>
/// <remarks>
/// Bodies and queries are read by hand, so the framework cannot see them. Its own <c>Accepts</c> is not used, because routing would then
/// answer a wrong content type before <see cref="RequestBody"/> does.
/// </remarks>
internal static class EndpointDocs
{
    /// <summary>Takes a JSON body.</summary>
    public static RouteHandlerBuilder Takes<TRequest>(this RouteHandlerBuilder endpoint, string example, bool optional = false) =>
        endpoint.WithMetadata(new RequestDoc(typeof(TRequest), example, optional));

    /// <summary>Takes the query parameters <c>size</c> and <c>cursor</c>.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="sizeDefault">Rows of the page if the request does not say otherwise.</param>
    /// <param name="firstCursor">Where the first page's cursor comes from, if it needs one.</param>
    public static RouteHandlerBuilder TakesPage(
        this RouteHandlerBuilder endpoint, int sizeDefault = Paging.SizeDefault, string? firstCursor = null) => endpoint
        .TakesQuery(Paging.SizeParameter, "Rows of the page.", new OpenApiSchema
        {
            Type = JsonSchemaType.Integer,
            Format = "int32",
            Minimum = "1",
            Maximum = Paging.SizeMax.ToString(CultureInfo.InvariantCulture),
            Default = sizeDefault,
        })
        .WithMetadata(new ParameterDoc(
            Paging.CursorParameter,
            IsHeader: false,
            $"The nextCursor of the page before; {firstCursor ?? "left out"} for the first page.",
            new OpenApiSchema { Type = JsonSchemaType.String },
            IsRequired: firstCursor is not null));

    /// <summary>
    /// Takes an optional query parameter, a text unless a schema says otherwise. It carries no example: a page that sends it prefilled
    /// would ask for what is not there.
    /// </summary>
    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder endpoint, string name, string description, OpenApiSchema? schema = null) =>
        endpoint.WithMetadata(new ParameterDoc(name, IsHeader: false, description, schema ?? new OpenApiSchema { Type = JsonSchemaType.String }));

    /// <summary>Takes the header <c>Idempotency-Key</c>.</summary>
    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new ParameterDoc(
        IdempotencyKeys.Header,
        IsHeader: true,
        $"The same key with the same request gets the first answer again for {Idempotency.Retention.TotalHours} hours, a refusal too, "
            + $"marked by the header {CommandOutcomeResult.ReplayedHeader}; with another request it is refused.",
        new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^[!-~]+$", MinLength = 1, MaxLength = Lengths.IdempotencyKey }))
        .Refuses(422, PointErrorCodes.IdempotencyKeyReused);

    /// <summary>Answers with this, on success.</summary>
    public static RouteHandlerBuilder Answers<TResponse>(this RouteHandlerBuilder endpoint, int status, string example) =>
        endpoint.Produces<TResponse>(status).WithMetadata(new AnswerDoc(status, example));

    /// <summary>
    /// Refuses with one of these codes. May be called more than once for a status. What any request can meet (401 and 403 with a token,
    /// 429, 5xx, and with a body 408) is added.
    /// </summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder endpoint, int status, params string[] codes) =>
        endpoint.WithMetadata(new RefusalDoc(status, codes));
}

internal sealed record RequestDoc(Type Type, string Example, bool Optional);

internal sealed record ParameterDoc(string Name, bool IsHeader, string Description, OpenApiSchema Schema, bool IsRequired = false);

internal sealed record AnswerDoc(int Status, string Example);

internal sealed record RefusalDoc(int Status, string[] Codes);
