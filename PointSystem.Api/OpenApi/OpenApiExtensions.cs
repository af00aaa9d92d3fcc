using Microsoft.AspNetCore.OpenApi;
using Scalar.AspNetCore;

namespace PointSystem.Api.OpenApi;

internal static class OpenApiExtensions
{
    /// <summary>Name of the document and of its <see cref="OpenApiOptions"/>.</summary>
    public const string DocumentName = "v1";

    private const string Page = "/scalar";

    /// <summary>Registers the OpenAPI document.</summary>
    public static IHostApplicationBuilder AddPointOpenApi(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOpenApi(DocumentName, options =>
        {
            // Response types are nested, as request types are: GetUsage.Response is published as GetUsageResponse.
            options.CreateSchemaReferenceId = static type =>
                OpenApiOptions.CreateDefaultSchemaReferenceId(type) is { } name ? type.Type.DeclaringType?.Name + name : null;
            options.AddOperationTransformer<OperationDocs>();
            options.AddDocumentTransformer<DocumentDocs>();
        });
        return builder;
    }

    /// <summary>
    /// Serves the document at /openapi/v1.json, and a page to browse it and send requests at /scalar. The page loads nothing from other
    /// hosts, and its content security policy lets it load nothing.
    /// </summary>
    public static WebApplication MapPointOpenApi(this WebApplication app)
    {
        // The other names that the default pattern allows would be answered without a problem.
        app.MapOpenApi($"/openapi/{{documentName:regex(^{DocumentName}$)}}.json");
        app.UseWhen(static http => http.Request.Path.StartsWithSegments(Page), static page => page.Use(static (http, next) =>
        {
            http.Response.OnStarting(SetPagePolicy, http);
            return next(http);
        }));
        app.MapScalarApiReference(Page, options =>
        {
            options.WithNonce();
            options.Title = "PointSystem API";
            options.DefaultFonts = false;
            options.Telemetry = false;
            options.Agent = new ScalarAgentOptions { Disabled = true };
            // These buttons would send the document to a service of Scalar.
            options.ShowDeveloperTools = DeveloperToolsVisibility.Never;
            options.HideClientButton = true;
        });
        return app;
    }

    // The page has a new nonce for its scripts each time. Its styles are written by its script.
    private static Task SetPagePolicy(object state)
    {
        var http = (HttpContext)state;
        if (http.Items.TryGetValue(ScalarOptions.NonceHttpContextItemKey, out var nonce))
        {
            http.Response.Headers.ContentSecurityPolicy =
                $"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; "
                + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        }

        return Task.CompletedTask;
    }
}
