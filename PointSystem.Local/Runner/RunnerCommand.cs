using System.Diagnostics;
using System.Runtime.InteropServices;
using PointSystem.Local.Cluster;

namespace PointSystem.Local.Runner;

/// <summary>Starts the cluster, says where everything is, and ends it on Ctrl+C or SIGTERM.</summary>
public static class RunnerCommand
{
    /// <returns>0 after an orderly end, 1 when something was wrong; then one sentence on the error output says what to do.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        using var stop = new StopSignals();
        try
        {
            var options = RunnerOptions.Parse(arguments, Environment.GetEnvironmentVariable);
            if (options.Help)
            {
                Console.WriteLine(RunnerOptions.HelpText);
                return 0;
            }
            await RunAsync(options, stop);
            return 0;
        }
        catch (LocalException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return 0;
        }
    }

    private static async Task RunAsync(RunnerOptions options, StopSignals stop)
    {
        var log = new ConsoleLog(Console.Out, color: !options.NoColor && !Console.IsOutputRedirected, TimeProvider.System)
        {
            // Until it is up only the steps are shown; what the children say is in their files, and in the sentence should one fail.
            Quiet = true,
        };
        options.Cluster.Log = log.Write;
        var watch = Stopwatch.StartNew();
        await using var cluster = await LocalCluster.StartAsync(options.Cluster, stop.Token);
        log.WriteText(ReadyBlock.Describe(cluster, watch.Elapsed));
        log.Quiet = options.Quiet;
        using var restart = new RestartSignal(cluster, text => log.Write(new LogLine(ClusterLog.Runner, text)), stop.Token);
        await Task.WhenAny(stop.Requested, ParentWatch.EndOfDotnetRunAsync(stop.Token));
        log.WriteText("Ending ...");
        watch.Restart();
        await cluster.StopAsync();
        log.WriteText($"Ended after {watch.Elapsed.TotalSeconds:0.0} s.");
    }

    /// <summary>Ctrl+C, SIGTERM and a closed terminal ask for an orderly end; asked a third time, the reaper ends everything at once.</summary>
    private sealed class StopSignals : IDisposable
    {
        private const int Impatient = 3;
        private readonly CancellationTokenSource _source = new();
        private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<PosixSignalRegistration> _registrations = [];
        private int _asked;

        public StopSignals()
        {
            foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
            }
        }

        public CancellationToken Token => _source.Token;

        public Task Requested => _requested.Task;

        public void Dispose()
        {
            _registrations.ForEach(registration => registration.Dispose());
            _source.Dispose();
        }

        private void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            if (Interlocked.Increment(ref _asked) >= Impatient)
            {
                Environment.Exit(1);
            }
            _source.Cancel();
            _requested.TrySetResult();
        }
    }
}
