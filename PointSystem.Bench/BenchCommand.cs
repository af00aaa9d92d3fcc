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
    private const string ReportName = "report";
    private const string MicroName = "micro";
    private const int Wrong = 1;
    private const int Misused = 2;

    /// <returns>0; 1 when something failed while it ran; 2 when the command line is wrong.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        BenchOptions options;
        IReadOnlyList<Scenario> scenarios;
        try
        {
            options = BenchOptions.Parse(arguments);
            scenarios = options.Help || options.Scenario is ReportName or MicroName ? [] : ScenarioTable.Find(options.Scenario);
            _ = options.Contenders?.Select(Contender.Find).ToList();
        }
        catch (BenchException e)
        {
            await error.WriteLineAsync(e.Message);
            return Misused;
        }

        if (options.Help)
        {
            await output.WriteLineAsync(HelpText());
            return 0;
        }

        // Whatever the machine's language is: tables of one spelling.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            if (options.Scenario == ReportName)
            {
                var repository = BuildOutputs.Repository;
                foreach (var file in await Documents.RewriteAsync(repository, ResultsDirectory(options, repository), stop.Token))
                {
                    await output.WriteLineAsync($"Written: {file}");
                }
            }

            if (options.Scenario == MicroName)
            {
                MicroBenchmarks.Run(ResultsDirectory(options, BuildOutputs.Repository));
            }

            foreach (var scenario in scenarios)
            {
                await RunAsync(scenario, options, output, stop.Token);
            }

            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Wrong;
        }
        catch (Exception e) when (e is BenchException or LocalException)
        {
            await error.WriteLineAsync(e.Message);
            return Wrong;
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
            // Postgres may have to run as another user, who must be able to enter.
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

    private static string HelpText() =>
        $"""
        Measures PointSystem against what anyone would pick instead.

          dotnet run -c Release --project PointSystem.Bench -- <scenario> [options]

        {string.Join('\n', ScenarioTable.All.Select(scenario => $"  {scenario.Name,-12} {scenario.Summary}"))}
          {ScenarioTable.AllName,-12} every scenario, one after the other
          {MicroName,-12} the parts without servers: draw order, queue, lock keys (BenchmarkDotNet)
          {ReportName,-12} puts the latest results into docs/performance.md and draws the README's chart

          --rounds N           how often each contender gets its turn
          --seconds N          measured time of each turn
          --warm-up N          seconds of each contender's first warm-up; later ones take a third
          --requests N         requests of each turn, instead of a time
          --callers N          callers at a time
          --replicas N         API replicas, 1 to 16 (default {BenchOptions.ReplicasDefault})
          --pool N             database connections of each replica, 1 to 200 (default {BenchOptions.PoolSizeDefault})
          --contenders A,B     of {string.Join(", ", Contender.All.Select(contender => contender.Name))}
          --gateway            through the gateway instead of straight to the replicas
          --no-affinity        the same, replicas taking turns instead of a member's requests going to one of them
          --telemetry          export telemetry to OTEL_EXPORTER_OTLP_ENDPOINT meanwhile
          --full               what takes long or much room too
          --markdown           print the table as Markdown too
          --output DIR         where results go (default bench/results)
          --data DIR           where the servers' data lie meanwhile (default a temporary directory)
          --verbose            the servers' log on the error output
          -h, --help           this text

        Servers are started and ended by the bench itself; see bench/README.md.
        """;
}
