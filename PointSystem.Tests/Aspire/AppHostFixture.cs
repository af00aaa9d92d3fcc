using Aspire.Hosting;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local;

namespace PointSystem.Tests.Aspire;

/// <summary>
/// The app host, started once for all tests of the class with real parts: Aspire's orchestrator and dashboard, PostgreSQL, Redis, sidecars,
/// two replicas, the gateway. The README tour runs first, on an empty database.
/// </summary>
public sealed class AppHostFixture : IAsyncLifetime
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private readonly string _data = ClusterFixture.NewDataDirectory();

    public string Data => _data;
    private IReadOnlyList<ProcessIdentity> _processes = [];

    public DistributedApplication App { get; private set; } = null!;

    public Uri Gateway => App.GetEndpoint("gateway", "http");

    public string AdminToken { get; private set; } = "";

    /// <summary>The dashboard, which needs no login here and lists what its collector received.</summary>
    public Uri Dashboard { get; private set; } = null!;

    /// <summary>The steps of the README tour, with their answers.</summary>
    public IReadOnlyList<TourStep> Tour { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(StartLimit);
        var (dashboard, collector) = ($"http://localhost:{Ports.Next()}", $"http://localhost:{Ports.Next()}");
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.PointSystem_AppHost>(
            ["--replicas", "2", "--port", "0", "--data", _data],
            (options, host) =>
            {
                options.DisableDashboard = false;
                host.Configuration ??= new ConfigurationManager();
                host.Configuration.AddInMemoryCollection(
                [
                    new("POINTSYSTEM_CONTAINERS", Environment.GetEnvironmentVariable("POINTSYSTEM_TEST_CONTAINERS") ?? "false"),
                    new("ASPNETCORE_URLS", dashboard),
                    new("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", collector),
                    new("ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS", "true"),
                    new("DcpPublisher:RandomizePorts", "false"),
                ]);
            },
            limit.Token);
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        App = await builder.BuildAsync(limit.Token);
        await App.StartAsync(limit.Token);
        await App.ResourceNotifications.WaitForResourceHealthyAsync("gateway", limit.Token);
        _processes = ProcessTable.OfOrchestrator(Environment.ProcessId);
        Dashboard = new Uri(dashboard);
        var issuer = new TokenIssuer(Secrets.LoadOrCreate(_data).SigningKey, TimeProvider.System);
        AdminToken = issuer.Create("local-admin", [TokenIssuer.AdminRole], TimeSpan.FromHours(1));
        Tour = await TourStep.RunAllAsync(Gateway, AdminToken, limit.Token);
    }

    /// <summary>Stops the app host and checks that no process is left.</summary>
    public async ValueTask DisposeAsync()
    {
        _processes = [.. _processes, .. ProcessTable.OfOrchestrator(Environment.ProcessId)];
        await App.StopAsync(CancellationToken.None);
        await App.DisposeAsync();
        await Eventually.HoldsAsync(() => !_processes.Any(process => process.IsAlive()), $"Every process has ended: {string.Join(", ", _processes)}");
        Directory.Delete(_data, recursive: true);
    }
}
