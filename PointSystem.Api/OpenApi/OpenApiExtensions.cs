using Microsoft.AspNetCore.OpenApi;
using Scalar.AspNetCore;

namespace PointSystem.Api.OpenApi;

internal static class OpenApiExtensions
{
    /// <summary>Name of the document, to configure its <see cref="OpenApiOptions"/> by.</summary>
    public const string DocumentName = "v1";

    /// <summary>Registers the OpenAPI document.</summary>
    public static IHostApplicationBuilder AddPointOpenApi(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOpenApi(DocumentName, options =>
        {
            // Responses are nested in what answers them, as requests are: GetUsage.Response is GetUsageResponse to the world.
            options.CreateSchemaReferenceId = static type =>
                OpenApiOptions.CreateDefaultSchemaReferenceId(type) is { } name ? type.Type.DeclaringType?.Name + name : null;
            options.AddOperationTransformer<OperationDocs>();
            options.AddDocumentTransformer<DocumentDocs>();
        });
        return builder;
    }

    /// <summary>
    /// Serves the document at /openapi/v1.json and a page to browse and try it at /scalar. The page needs nothing from elsewhere.
    /// </summary>
    public static WebApplication MapPointOpenApi(this WebApplication app)
    {
        app.MapOpenApi();
        app.MapScalarApiReference("/scalar", options =>
        {
            options.Title = "PointSystem API";
            options.DefaultFonts = false;
            options.Telemetry = false;
            options.Agent = new ScalarAgentOptions { Disabled = true };
            // Buttons that would hand the document to a service of the page's makers.
            options.ShowDeveloperTools = DeveloperToolsVisibility.Never;
            options.HideClientButton = true;
        });
        return app;
    }
}
