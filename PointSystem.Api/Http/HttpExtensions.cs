using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace PointSystem.Api.Http;

internal static class HttpExtensions
{
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Registers request limits, JSON options, and the mapping of exceptions to problems.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="answers">The JSON serialization of the answers.</param>
    public static IHostApplicationBuilder AddPointHttp(this IHostApplicationBuilder builder, IJsonTypeInfoResolver answers)
    {
        var services = builder.Services;
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = RequestBody.WireBytesMax;
            kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;

            // More than Kestrel's defaults, which the gateway has: it adds headers to those that it has accepted.
            kestrel.Limits.MaxRequestHeadersTotalSize = 40 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 120;
            kestrel.AddServerHeader = false;
        });
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = false);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.Encoder = ProblemJsonContext.Wire.Options.Encoder;
            // Numbers are written and read as numbers only, as in the OpenAPI document.
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, answers);
            json.SerializerOptions.TypeInfoResolverChain.Insert(1, ProblemJsonContext.Wire);
        });
        services.AddSingleton<ReadLimit>();
        services.AddRateLimits();
        services.AddExceptionHandler<ApiExceptionHandler>();
        return builder;
    }

    /// <summary>Adds the middleware that turns exceptions and empty error answers into problems.</summary>
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

        // Answers are valid only at their moment: no cache may store one.
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
