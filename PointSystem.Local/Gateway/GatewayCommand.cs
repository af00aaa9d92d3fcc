using System.Runtime.InteropServices;
using PointSystem.Local.Cluster;
using PointSystem.Local.Telemetry;

namespace PointSystem.Local.Gateway;

/// <summary>
/// The process mode <c>PointSystem.Local gateway</c>: the one URL in front of all replicas as a process of its own. Which replicas there are is service
/// discovery's configuration, as Aspire gives it: <c>services__{name}__http__0 = http://…</c>.
/// </summary>
internal static class GatewayCommand
{
    public const string Name = "gateway";

    /// <summary>Runs on the loopback interface until SIGTERM or Ctrl+C.</summary>
    /// <param name="args"><c>--port N</c>, 1 … 65535.</param>
    /// <returns>0 after an orderly end, 1 when it could not start; the reason is on standard error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, stop));
        try
        {
            var port = new VerbOptions(args).Number("--port", 1, 65535);
            var upstreams = Discover(new ConfigurationBuilder().AddEnvironmentVariables().Build());
            await RunAsync(port, upstreams, stop.Token);
            return 0;
        }
        catch (LocalException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
    }

    /// <summary>Every service with an HTTP endpoint.</summary>
    /// <exception cref="LocalException">There is none, or its address is not a URL.</exception>
    internal static IReadOnlyList<Upstream> Discover(IConfiguration configuration)
    {
        var found = configuration.GetSection("services").GetChildren()
            .Select(service => (Name: service.Key, Address: service["http:0"]))
            .Where(service => service.Address is not null)
            .Select(service => Uri.TryCreate(service.Address, UriKind.Absolute, out var url)
                ? new Upstream(service.Name, url)
                : throw new LocalException($"services__{service.Name}__http__0 must be a URL such as http://localhost:5000."))
            .ToList();
        return found.Count > 0 ? found : throw new LocalException("No replica is named: set services__api-1__http__0 to its URL, and so on for each.");
    }

    private static async Task RunAsync(int port, IReadOnlyList<Upstream> upstreams, CancellationToken cancellationToken)
    {
        using var log = new ClusterLog(line => Console.WriteLine(line.Text));
        foreach (var upstream in upstreams)
        {
            upstream.StateChanged += changed => log.Write(ClusterLog.Gateway, changed.Describe());
        }
        await using var gateway = await GatewayServer.StartAsync(port, upstreams, log, TelemetryVariables.OfThisProcess(), cancellationToken);
        log.Write(ClusterLog.Gateway, $"The gateway listens on {gateway.Url}");
        var watches = upstreams.Select(upstream => new ReplicaWatch(upstream, static () => true, TimeProvider.System)).ToList();
        await Task.WhenAll(watches.Select(watch => watch.RunAsync(cancellationToken)));
        await gateway.StopAsync();
        watches.ForEach(watch => watch.Dispose());
    }

    private static void Stop(PosixSignalContext signal, CancellationTokenSource stop)
    {
        signal.Cancel = true;
        stop.Cancel();
    }
}
