using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using PointSystem.ServiceDefaults;

namespace PointSystem.Gateway;

/// <summary>The single address of all replicas.</summary>
internal static class GatewayApplication
{
    /// <summary>
    /// Runs until SIGTERM or Ctrl+C. The addresses come from <c>ASPNETCORE_URLS</c>, the replicas from <see cref="ReplicaSet"/>.
    /// </summary>
    /// <returns>0 after an orderly shutdown, 1 if it could not start; the reason is one sentence on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        try
        {
            await using var app = Create(args);
            await app.RunAsync();
            return 0;
        }
        catch (GatewayFaultException fault)
        {
            await Console.Error.WriteLineAsync(fault.Message);
            return 1;
        }
        catch (OptionsValidationException fault)
        {
            await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, fault.Failures));
            return 1;
        }
        catch (IOException fault) when (fault.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"The gateway's address is taken by another program: {fault.Message}");
            return 1;
        }
    }

    /// <param name="args">The command line.</param>
    /// <param name="given">The replicas, if the caller maintains their state. Default: the replicas in the configuration, watched.</param>
    /// <exception cref="GatewayFaultException">No replica is configured, its address is not a URL, or a setting is invalid.</exception>
    internal static WebApplication Create(string[] args, ReplicaSet? given = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.AddServiceDefaults();
        // Forwarding logs each failed request, once.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Yarp", LogLevel.None).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // The replica decides whether a header is valid.
            kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.Limits.MaxRequestBodySize = RequestBody.LargestDiscarded;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        });
        var replicas = given ?? ReplicaSet.Discover(builder.Configuration);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(replicas);
        var options = GatewayOptions.Read(builder.Configuration);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<GatewayMetrics>();
        builder.Services.AddSingleton<LoadBalancer>();
        if (given is null)
        {
            builder.Services.AddHostedService<ReplicaWatches>();
        }
        builder.Services.AddHealthChecks().AddCheck<ReplicasHealthCheck>("replicas", tags: [Extensions.ReadyTag]);
        builder.Services.AddHttpForwarder();
        if (options.CorsOrigins.Count > 0)
        {
            builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
                .WithOrigins([.. options.CorsOrigins])
                .WithMethods(HttpMethods.Get, HttpMethods.Post, HttpMethods.Put)
                .AllowAnyHeader()
                .WithExposedHeaders("Retry-After", "Idempotency-Replayed", "ETag", "WWW-Authenticate", ReplicaTransformer.ReplicaHeader)
                .SetPreflightMaxAge(TimeSpan.FromMinutes(10))));
        }
        var isTraced = !string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]);
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<Forwarding>(services, isTraced));

        var app = builder.Build();
        // In every environment: a page with the exception is nothing for callers.
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandler = GatewayProblems.InternalErrorAsync });
        app.UseRouting();
        if (options.CorsOrigins.Count > 0)
        {
            app.UseWhen(static http => http.Request.Path.StartsWithSegments("/api"), static api => api.UseCors());
        }
        app.MapDefaultEndpoints();
#pragma warning disable ASP0014 // Otherwise the endpoints would come after the forwarder, which handles every request.
        app.UseEndpoints(static _ => { });
#pragma warning restore ASP0014
        // Every request that no endpoint handles. A fallback route would skip paths that look like files, and would name every span.
        app.Run(app.Services.GetRequiredService<Forwarding>().HandleAsync);
        return app;
    }
}
