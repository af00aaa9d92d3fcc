using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using PointSystem.Local.Cluster;
using PointSystem.Local.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace PointSystem.Local.Gateway;

/// <summary>The one URL in front of all replicas.</summary>
internal sealed class GatewayServer : IAsyncDisposable
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);
    private readonly WebApplication _app;
    private readonly Forwarding _forwarding;

    private GatewayServer(WebApplication app, Forwarding forwarding)
    {
        _app = app;
        _forwarding = forwarding;
        Url = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public Uri Url { get; }

    /// <param name="port">On the loopback interface; 0 = any free one.</param>
    /// <param name="upstreams">The replicas; while none is ready, requests get a 503.</param>
    /// <param name="log">Warnings and errors of the web server.</param>
    /// <param name="telemetry">OpenTelemetry's variables; without an endpoint among them nothing is recorded.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="LocalException">The port is taken.</exception>
    public static async Task<GatewayServer> StartAsync(int port, IReadOnlyList<Upstream> upstreams, ClusterLog log, IReadOnlyDictionary<string, string?> telemetry, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddProvider(new ClusterLogProvider(log));
        // A request that fails is answered and said by the change of its replica's state; a line for each adds nothing.
        builder.Logging.AddFilter("Yarp", LogLevel.None);
        // Said by the exception below.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.AddTelemetry(telemetry);
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.AddRoutingCore();
        builder.Services.AddHttpForwarder();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = RequestBody.LargestDiscarded;
            if (port == 0)
            {
                kestrel.Listen(IPAddress.Loopback, 0);
            }
            else
            {
                kestrel.ListenLocalhost(port);
            }
        });
        var app = builder.Build();
        var forwarding = new Forwarding(app.Services.GetRequiredService<IHttpForwarder>(), new LoadBalancer(upstreams), TelemetryVariables.HaveEndpoint(telemetry));
        app.Run(forwarding.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await app.DisposeAsync();
            throw new LocalException($"Port {port} is taken by another program: choose another with --port N (0 = any free port).", e);
        }
        return new GatewayServer(app, forwarding);
    }

    /// <summary>Takes no new connections and lets the requests under way finish, for one second at most.</summary>
    public async Task StopAsync()
    {
        using var limit = new CancellationTokenSource(DrainLimit);
        await _app.StopAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _forwarding.Dispose();
    }

    // The runner decides what a signal means; a library must not take it from its host.
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
