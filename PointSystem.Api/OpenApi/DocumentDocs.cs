using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace PointSystem.Api.OpenApi;

/// <summary>What the OpenAPI document says of the service as a whole.</summary>
internal sealed class DocumentDocs : IOpenApiDocumentTransformer
{
    public const string Bearer = "Bearer";

    private const string Description =
        """
        Reward points of members: accumulate, use, cancel, transfer, and see where every point came from and went.

        - Points are whole numbers. Every amount is 1 or more.
        - Every error is a problem (RFC 9457, `application/problem+json`) with a stable `code`, one sentence in `detail`, and a `traceId`; with status 400 `errors` names the fields.
        - Every POST takes an optional `Idempotency-Key`, so that it can be sent again without being done again.
        - Lists page by cursor: send `nextCursor` back as `cursor`; it is null on the last page.
        - Manual grants and everything under `/api/admin` need a bearer token with the role `admin`.
        """;

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo { Title = "PointSystem", Version = "v1", Description = Description };

        document.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Points", Description = "What members have, get, spend and give." },
            new() { Name = "Configuration", Description = "The rules that can be changed at run time." },
            new() { Name = "Reconciliation", Description = "Books are checked, and derived figures put right." },
            new() { Name = "Locks", Description = "What the locks of the answering replica do." },
        };

        // Relative, so that the page calls whatever address it was opened at: a replica, the gateway, a proxy before it.
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
