using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace PointSystem.Api.Http;

internal static class HttpExtensions
{
    /// <summary>Registers how requests are read and refused: limits, JSON, the mapping of exceptions.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="answers">The JSON of what the features answer.</param>
    public static IHostApplicationBuilder AddPointHttp(this IHostApplicationBuilder builder, IJsonTypeInfoResolver answers)
    {
        var services = builder.Services;
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = RequestBody.BytesMax;
            kestrel.AddServerHeader = false;
        });
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = false);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.Encoder = ProblemJsonContext.Wire.Options.Encoder;
            // Numbers are numbers, never text; the OpenAPI document says so too.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, answers);
            json.SerializerOptions.TypeInfoResolverChain.Insert(1, ProblemJsonContext.Wire);
        });
        services.AddSingleton<ReadLimit>();
        services.AddExceptionHandler<ApiExceptionHandler>();
        return builder;
    }

    /// <summary>Puts the mapping of exceptions and of empty error answers around everything that follows.</summary>
    public static WebApplication UsePointHttp(this WebApplication app)
    {
        var replica = app.Configuration["Replica:Name"];
        if (!string.IsNullOrWhiteSpace(replica))
        {
            app.Use((http, next) =>
            {
                http.Response.OnStarting(static state =>
                {
                    var (response, name) = ((HttpResponse, string))state;
                    response.Headers["X-Replica"] = name;
                    return Task.CompletedTask;
                }, (http.Response, replica));
                return next(http);
            });
        }

        // Balances and refusals are of their moment: nothing between here and the client may keep one for later.
        app.Use(static (http, next) =>
        {
            if (http.Request.Path.StartsWithSegments("/api"))
            {
                http.Response.Headers.CacheControl = ProblemResult.NoStore;
            }

            return next(http);
        });
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = static _ => Task.CompletedTask });
        app.UseStatusCodePages(static context => Problems.ForStatus(context.HttpContext.Response.StatusCode).ExecuteAsync(context.HttpContext));
        return app;
    }
}
