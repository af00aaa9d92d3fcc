using System.Text;
using Microsoft.AspNetCore.Connections;
using PointSystem.ServiceDefaults;

namespace PointSystem.Gateway;

/// <summary>The one address in front of all replicas.</summary>
internal static class GatewayApplication
{
    /// <summary>
    /// Runs until SIGTERM or Ctrl+C. The addresses are <c>ASPNETCORE_URLS</c>, the replicas are what <see cref="ReplicaSet"/> finds.
    /// </summary>
    /// <returns>0 after an orderly end, 1 when it could not start; one sentence on the error output says why.</returns>
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
        catch (IOException fault) when (fault.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"The gateway's address is taken by another program: {fault.Message}");
            return 1;
        }
    }

    /// <param name="args">The command line.</param>
    /// <param name="given">The replicas, if the caller maintains their state. Default: what the configuration names, watched.</param>
    /// <exception cref="GatewayFaultException">No replica is named, or not by a URL, or a setting cannot be used.</exception>
    internal static WebApplication Create(string[] args, ReplicaSet? given = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.AddServiceDefaults();
        // Of a request that fails Forwarding says what there is to say, once.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Yarp", LogLevel.None).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Whether a header can be used is for the replica to say.
            kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.Limits.MaxRequestBodySize = RequestBody.LargestDiscarded;
        });
        var replicas = given ?? ReplicaSet.Discover(builder.Configuration);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(replicas);
        builder.Services.AddSingleton(GatewayOptions.Read(builder.Configuration));
        builder.Services.AddSingleton<GatewayMetrics>();
        builder.Services.AddSingleton<LoadBalancer>();
        if (given is null)
        {
            builder.Services.AddHostedService<ReplicaWatches>();
        }
        builder.Services.AddHealthChecks().AddCheck<ReplicasHealthCheck>("replicas", tags: [Extensions.ReadyTag]);
        builder.Services.AddHttpForwarder();
        var isTraced = !string.IsNullOrWhiteSpace(builder.Configuration[TelemetryOptions.OtlpEndpointKey]);
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<Forwarding>(services, isTraced));

        var app = builder.Build();
        app.UseRouting();
        app.MapDefaultEndpoints();
#pragma warning disable ASP0014 // Without it the endpoints would stand behind the forwarder, which takes everything.
        app.UseEndpoints(static _ => { });
#pragma warning restore ASP0014
        // Whatever no endpoint takes. A fallback route would leave out what looks like a file, and be the name of every span.
        app.Run(app.Services.GetRequiredService<Forwarding>().HandleAsync);
        return app;
    }
}
