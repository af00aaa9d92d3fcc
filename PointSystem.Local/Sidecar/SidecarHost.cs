using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;

namespace PointSystem.Local.Sidecar;

/// <summary>Builds the sidecar's host with the few services that gRPC and five routes need.</summary>
internal static class SidecarHost
{
    /// <summary>Reads the resources, creates the components and returns an application that is ready to start.</summary>
    /// <exception cref="SidecarStartException">The resources are invalid, or a required component cannot be created.</exception>
    public static async Task<WebApplication> CreateAsync(SidecarFlags flags, CancellationToken cancellationToken)
    {
        // The empty builder reads neither appsettings.json nor ASPNETCORE_URLS, which belong to the app next to this sidecar.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        AddLogging(builder.Logging, flags.LogLevel);
        builder.AddTelemetry(TelemetryVariables.FromEnvironment());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, flags));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(flags);
        builder.Services.AddSingleton(services => Load(flags, services.GetRequiredService<ILogger<ManifestLoader>>()));
        builder.Services.AddSingleton(services => Stores(flags, services));
        builder.Services.AddSingleton(services => new OutboundPolicies(
            services.GetRequiredService<ManifestLoader>().Resiliencies,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<OutboundPolicies>>()));
        builder.Services.AddSingleton<LockApi>();
        builder.Services.AddSingleton<DaprLockService>();
        builder.Services.AddHostedService<ComponentRetry>();

        var app = builder.Build();
        app.UseMiddleware<SidecarGate>(flags.GrpcPort, Environment.GetEnvironmentVariable("DAPR_API_TOKEN") ?? "");
        app.MapGrpcService<DaprLockService>();
        app.MapLockApi(flags);
        try
        {
            app.Logger.StandIn();
            foreach (var flag in flags.Ignored)
            {
                app.Logger.FlagIgnored(flag);
            }
            // Resolved here, so that an error in the files fails the start and not the first request.
            _ = app.Services.GetRequiredService<OutboundPolicies>();
            await app.Services.GetRequiredService<LockStores>().CreateAllAsync(cancellationToken);
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private static ManifestLoader Load(SidecarFlags flags, ILogger<ManifestLoader> logger)
    {
        var loader = new ManifestLoader(flags.AppId, logger);
        loader.Load(flags.ResourcesPaths);
        return loader;
    }

    private static LockStores Stores(SidecarFlags flags, IServiceProvider services)
    {
        var components = services.GetRequiredService<ManifestLoader>().Components;
        return new LockStores(
            flags.AppId,
            components,
            new ComponentProperties(flags.AppId, components, Environment.GetEnvironmentVariable),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<LockStores>>());
    }

    private static void Listen(KestrelServerOptions kestrel, SidecarFlags flags)
    {
        kestrel.AddServerHeader = false;
        foreach (var address in flags.ListenAddresses)
        {
            kestrel.Listen(address, flags.HttpPort, listen => listen.Protocols = HttpProtocols.Http1);
            // HTTP/2 without TLS has no negotiation, so a port speaks only HTTP/2 or not at all.
            kestrel.Listen(address, flags.GrpcPort, listen => listen.Protocols = HttpProtocols.Http2);
        }
    }

    private static void AddLogging(ILoggingBuilder logging, LogLevel level) => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("Grpc", LogLevel.Critical)
        // The command reports a failed start in one sentence; the host would add the stack trace.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
        .AddConsole(console => console.FormatterName = LineFormatter.FormatterName)
        .AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
}
