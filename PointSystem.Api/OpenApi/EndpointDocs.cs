using System.Globalization;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;
using PointSystem.Api.Http;
using PointSystem.Api.Ledger;
using PointSystem.Api.Persistence;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.OpenApi;

/// <summary>Extensions for mapping endpoints that describe them in the OpenAPI document.</summary>
/// <remarks>
/// Handlers read bodies and queries themselves, so the framework cannot infer them. <c>Accepts</c> of the framework is not used, because
/// routing would then refuse a wrong content type before <see cref="RequestBody"/> does.
/// </remarks>
internal static class EndpointDocs
{
    /// <summary>Describes the JSON body.</summary>
    public static RouteHandlerBuilder Takes<TRequest>(this RouteHandlerBuilder endpoint, string example, bool optional = false) =>
        endpoint.WithMetadata(new RequestDoc(typeof(TRequest), example, optional));

    /// <summary>Describes the query parameters <c>size</c> and <c>cursor</c>.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="sizeDefault">Default number of rows per page.</param>
    /// <param name="firstCursor">Where the cursor of the first page comes from, if it needs one.</param>
    public static RouteHandlerBuilder TakesPage(
        this RouteHandlerBuilder endpoint, int sizeDefault = Paging.SizeDefault, string? firstCursor = null) => endpoint
        .TakesCount(Paging.SizeParameter, "Maximum number of rows of the page.", sizeDefault, Paging.SizeMax)
        .WithMetadata(new ParameterDoc(
            Paging.CursorParameter,
            IsHeader: false,
            $"The nextCursor of the previous page; {firstCursor ?? "omit it"} for the first page.",
            new OpenApiSchema { Type = JsonSchemaType.String },
            IsRequired: firstCursor is not null));

    /// <summary>
    /// Describes an optional query parameter: a string, unless a schema is given. It has no example, because a documentation page that
    /// sends the example would get no results.
    /// </summary>
    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder endpoint, string name, string description, OpenApiSchema? schema = null) =>
        endpoint.WithMetadata(new ParameterDoc(name, IsHeader: false, description, schema ?? new OpenApiSchema { Type = JsonSchemaType.String }));

    /// <summary>Describes an optional query parameter that is read by <see cref="QueryTexts.TryReadCount"/>.</summary>
    public static RouteHandlerBuilder TakesCount(this RouteHandlerBuilder endpoint, string name, string description, int fallback, int max) =>
        endpoint.TakesQuery(name, description, new OpenApiSchema
        {
            Type = JsonSchemaType.Integer,
            Format = "int32",
            Minimum = "1",
            Maximum = max.ToString(CultureInfo.InvariantCulture),
            Default = fallback,
        });

    /// <summary>Describes the header <c>Idempotency-Key</c>.</summary>
    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new ParameterDoc(
        IdempotencyKeys.Header,
        IsHeader: true,
        $"For {Idempotency.Retention.TotalHours} hours, the same request with the same key gets the first answer again, also if that was a refusal, "
            + $"with the header {CommandOutcomeResult.ReplayedHeader}. Another request with the same key is refused.",
        new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^[!-~]+$", MinLength = 1, MaxLength = Lengths.IdempotencyKey }))
        .Refuses(422, PointErrorCodes.IdempotencyKeyReused);

    /// <summary>Describes the headers <c>X-Min-Version</c> and <c>If-None-Match</c> of a read of a member.</summary>
    public static RouteHandlerBuilder TakesVersionHeaders(this RouteHandlerBuilder endpoint) => endpoint
        .WithMetadata(new ParameterDoc(
            MemberTags.MinVersionHeader,
            IsHeader: true,
            "The lowest version of the member that the answer may be read from: the version of an earlier answer.",
            new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int64", Minimum = "0" }))
        .WithMetadata(new ParameterDoc(
            HeaderNames.IfNoneMatch,
            IsHeader: true,
            "The ETag of an earlier answer: if nothing has changed since, the answer is 304 without a body.",
            new OpenApiSchema { Type = JsonSchemaType.String }))
        .Produces(StatusCodes.Status304NotModified)
        .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(412, ProblemCodes.VersionNotReached);

    /// <summary>Describes the answer on success.</summary>
    public static RouteHandlerBuilder Answers<TResponse>(
        this RouteHandlerBuilder endpoint, int status, string example, string contentType = "application/json") =>
        endpoint.Produces<TResponse>(status, contentType).WithMetadata(new AnswerDoc(status, example, contentType));

    /// <summary>
    /// Describes refusals with one of the codes. May be called several times for a status. Refusals that all requests can have (401 and
    /// 403 on secured endpoints, 429, 5xx, and 408, 413 and 415 with a body) are added automatically.
    /// </summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder endpoint, int status, params string[] codes) =>
        endpoint.WithMetadata(new RefusalDoc(status, codes));
}

internal sealed record RequestDoc(Type Type, string Example, bool Optional);

internal sealed record ParameterDoc(string Name, bool IsHeader, string Description, OpenApiSchema Schema, bool IsRequired = false);

internal sealed record AnswerDoc(int Status, string Example, string ContentType);

internal sealed record RefusalDoc(int Status, string[] Codes);
