using System.Runtime.InteropServices;
using PointSystem.Local.Cluster;
using PointSystem.Local.Processes;

namespace PointSystem.Local.Runner;

/// <summary>SIGUSR1 restarts the replicas one after the other. (SIGHUP, which daemons take for that, is what a closed terminal sends.) Not on Windows.</summary>
internal sealed class RestartSignal : IDisposable
{
    private readonly LocalCluster _cluster;
    private readonly Action<string> _say;
    private readonly CancellationToken _ending;
    private readonly PosixSignalRegistration? _registration;
    private int _isRestarting;

    /// <param name="cluster">Whose replicas.</param>
    /// <param name="say">Gets a sentence when a restart does not come to its end.</param>
    /// <param name="ending">Ends a restart that is under way.</param>
    public RestartSignal(LocalCluster cluster, Action<string> say, CancellationToken ending)
    {
        _cluster = cluster;
        _say = say;
        _ending = ending;
        if (!OperatingSystem.IsWindows())
        {
            _registration = PosixSignalRegistration.Create((PosixSignal)Native.SigUser1, OnSignal);
        }
    }

    public void Dispose() => _registration?.Dispose();

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Exchange(ref _isRestarting, 1) == 1)
        {
            _say("The replicas are being restarted already.");
            return;
        }
        _ = RestartAsync();
    }

    private async Task RestartAsync()
    {
        try
        {
            await Task.Run(() => _cluster.RestartReplicasAsync(_ending), _ending);
        }
        catch (Exception failure) when (failure is LocalException or TimeoutException)
        {
            _say($"The restart stops here: {failure.Message}");
        }
        catch (OperationCanceledException)
        {
            // Everything ends.
        }
        finally
        {
            Volatile.Write(ref _isRestarting, 0);
        }
    }
}
