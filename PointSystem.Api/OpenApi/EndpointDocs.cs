using PointSystem.Api.Http;

namespace PointSystem.Api.OpenApi;

/// <summary>What an endpoint says of itself in the OpenAPI document, in a few words where it is mapped.</summary>
/// <remarks>
/// Bodies and queries are read by hand, so the framework cannot see them. Its own <c>Accepts</c> is not used, because routing would then answer a
/// wrong content type before <see cref="RequestBody"/> does.
/// </remarks>
internal static class EndpointDocs
{
    /// <summary>Takes a JSON body.</summary>
    public static RouteHandlerBuilder Takes<TRequest>(this RouteHandlerBuilder endpoint, string example, bool optional = false) =>
        endpoint.WithMetadata(new RequestDoc(typeof(TRequest), example, optional));

    /// <summary>Takes the query parameters <c>size</c> and <c>cursor</c>.</summary>
    public static RouteHandlerBuilder TakesPage(this RouteHandlerBuilder endpoint) => endpoint
        .TakesQuery("size", $"Rows of the page, 1 to {Paging.SizeMax}; {Paging.SizeDefault} when left out.", "20")
        .TakesQuery("cursor", "The nextCursor of the page before; left out for the first page.", "NDI");

    /// <summary>Takes a query parameter.</summary>
    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder endpoint, string name, string description, string example) =>
        endpoint.WithMetadata(new ParameterDoc(name, IsHeader: false, description, example));

    /// <summary>Takes the header <c>Idempotency-Key</c>.</summary>
    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new ParameterDoc(
        IdempotencyKeys.Header,
        IsHeader: true,
        "Optional. The same key with the same request gets the first answer again for 24 hours; with another request it is refused.",
        "order-A1234-use-1")).Refuses(422, "IDEMPOTENCY_KEY_REUSED");

    /// <summary>Answers with this, on success.</summary>
    public static RouteHandlerBuilder Answers<TResponse>(this RouteHandlerBuilder endpoint, int status, string example) =>
        endpoint.Produces<TResponse>(status).WithMetadata(new AnswerDoc(status, example));

    /// <summary>Refuses with one of these codes. May be called more than once for a status. 401, 403, 500 and 503 are added where they apply.</summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder endpoint, int status, params string[] codes) =>
        endpoint.WithMetadata(new RefusalDoc(status, codes));
}

internal sealed record RequestDoc(Type Type, string Example, bool Optional);

internal sealed record ParameterDoc(string Name, bool IsHeader, string Description, string Example);

internal sealed record AnswerDoc(int Status, string Example);

internal sealed record RefusalDoc(int Status, string[] Codes);
