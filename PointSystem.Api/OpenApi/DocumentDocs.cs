using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace PointSystem.Api.OpenApi;

/// <summary>Adds the information about the whole service to the OpenAPI document.</summary>
internal sealed class DocumentDocs : IOpenApiDocumentTransformer
{
    public const string Bearer = "Bearer";

    private const string Description =
        """
        Reward points of members: accumulate, use, cancel and transfer them, and trace where every point came from and where it went.

        - Points are whole numbers. Every amount is 1 or more.
        - Every error is a problem (RFC 9457, `application/problem+json`) with a stable `code`, a sentence in `detail`, and a `traceId`.
          With status 400, `errors` lists the invalid fields.
        - Every POST that changes or checks points accepts an optional `Idempotency-Key`, so that it can be repeated safely. Other requests can be repeated as they are.
        - A write answers the `version` of the member. Reads with it as `X-Min-Version` are never answered from an older state.
          With the `ETag` of an answer as `If-None-Match`, they answer 304 if nothing has changed.
        - Lists are paged by cursor: send `nextCursor` as `cursor` to get the next page. It is null on the last page.
        - Requests need a bearer token with the right `points:read` or `points:write`, unless the installation allows them without. Manual grants and all
          endpoints under `/api/admin` need the right `points:admin`, and `/api/events` needs `points:events` or that.
        """;

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo { Title = "PointSystem", Version = "v1", Description = Description };

        document.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Points", Description = "Balances, accumulations, usages, cancellations and transfers of members." },
            new() { Name = "Configuration", Description = "Rules that can be changed at run time." },
            new() { Name = "Reconciliation", Description = "Checks of members against the ledger, with correction of derived figures." },
            new() { Name = "Audit", Description = "What administrators have done." },
            new() { Name = "Events", Description = "What has happened to the points of all members, in order." },
            new() { Name = "Webhooks", Description = "Who is told about events, and the log of it." },
            new() { Name = "Notifications", Description = "How members are reached, what was sent to them, and what could not be sent." },
            new() { Name = "Locks", Description = "The state of the locks on the answering replica." },
        };

        // Relative, so that the page calls the address at which it was opened: a replica, the gateway, or a proxy in front of it.
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[Bearer] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            BearerFormat = "JWT",
            Description = "A JWT with the claims sub and role.",
        };
        return Task.CompletedTask;
    }
}
