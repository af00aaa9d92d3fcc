using System.Globalization;
using System.Runtime.InteropServices;
using PointSystem.Bench.Contenders;
using PointSystem.Bench.Micro;
using PointSystem.Bench.Reports;
using PointSystem.Bench.Scenarios;
using PointSystem.Local;
using PointSystem.TestKit;

namespace PointSystem.Bench;

/// <summary>The command line: runs scenarios, prints tables, writes files.</summary>
internal static class BenchCommand
{
    private const int Failed = 1;
    private const int UsageError = 2;

    /// <returns>0 on success, 1 if the run failed, 2 if the command line is invalid.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        BenchOptions? options;
        try
        {
            options = BenchOptions.Parse(arguments, output);
            _ = options?.Contenders?.Select(Contender.Find).ToList();
            _ = options?.Loads?.Select(ContenderRun.Find).ToList();
        }
        catch (Exception e) when (e is BenchException or LocalException)
        {
            await error.WriteLineAsync(e.Message);
            return UsageError;
        }

        if (options is null)
        {
            return 0;
        }

        // The same number format on every machine.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            if (options.Scenario == ScenarioTable.ReportName)
            {
                var repository = BuildOutputs.Repository;
                foreach (var file in await Documents.RewriteAsync(repository, ResultsDirectory(options, repository), stop.Token))
                {
                    await output.WriteLineAsync($"Written: {file}");
                }
            }

            if (options.Scenario == ScenarioTable.MicroName)
            {
                MicroBenchmarks.Run(ResultsDirectory(options, BuildOutputs.Repository));
            }

            foreach (var scenario in ScenarioTable.Find(options.Scenario))
            {
                await RunAsync(scenario, options, output, stop.Token);
            }

            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Failed;
        }
        catch (Exception e) when (e is BenchException or LocalException)
        {
            await error.WriteLineAsync(e.Message);
            return Failed;
        }

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    private static async Task RunAsync(Scenario scenario, BenchOptions options, TextWriter output, CancellationToken cancellationToken)
    {
        var repository = BuildOutputs.Repository;
        var temporary = options.DataDirectory is null ? Directory.CreateTempSubdirectory("pointsystem-bench-") : null;
        if (temporary is not null && !OperatingSystem.IsWindows())
        {
            // Postgres may run as another user, which must be able to enter the directory.
            temporary.UnixFileMode |= UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        }

        try
        {
            var run = new BenchRun(options with { DataDirectory = options.DataDirectory ?? temporary!.FullName }, output, repository, TimeProvider.System);
            var report = await scenario.RunAsync(run, cancellationToken);
            await output.WriteLineAsync();
            await output.WriteLineAsync(TextTable.Plain(report));
            if (options.Markdown)
            {
                await output.WriteLineAsync(TextTable.Markdown(report));
            }

            run.Say($"Written: {await ResultFiles.WriteAsync(report, ResultsDirectory(options, repository), cancellationToken)}");
        }
        finally
        {
            temporary?.Delete(recursive: true);
        }
    }

    private static string ResultsDirectory(BenchOptions options, string? repository) =>
        options.Output ?? Path.Combine(repository ?? Environment.CurrentDirectory, "bench", "results");
}
