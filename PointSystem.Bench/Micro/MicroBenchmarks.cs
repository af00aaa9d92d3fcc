using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace PointSystem.Bench.Micro;

/// <summary>BenchmarkDotNet benchmarks of the parts that need no server: time and allocations.</summary>
internal static class MicroBenchmarks
{
    /// <summary>Runs all of them and writes their table to <c>micro.md</c> in the directory.</summary>
    public static void Run(string directory)
    {
        var artifacts = Directory.CreateTempSubdirectory("pointsystem-micro-").FullName;
        try
        {
            // Runs in this process: otherwise another project would have to be restored and built.
            var config = ManualConfig.CreateEmpty()
                .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(5).WithIterationCount(10))
                .AddDiagnoser(MemoryDiagnoser.Default)
                .AddColumnProvider(DefaultColumnProviders.Instance)
                .HideColumns(Column.Job, Column.Toolchain, Column.IterationCount, Column.WarmupCount)
                .AddLogger(ConsoleLogger.Default)
                .AddExporter(MarkdownExporter.GitHub)
                .WithOptions(ConfigOptions.JoinSummary | ConfigOptions.DisableLogFile)
                .WithArtifactsPath(artifacts);
            BenchmarkRunner.Run([typeof(DrawOrderBenchmark), typeof(ExecutorBenchmark), typeof(LockKeyBenchmark)], config);
            var table = Directory.EnumerateFiles(artifacts, "*.md", SearchOption.AllDirectories).Single();
            Directory.CreateDirectory(directory);
            File.Copy(table, Path.Combine(directory, "micro.md"), overwrite: true);
        }
        finally
        {
            Directory.Delete(artifacts, recursive: true);
        }
    }
}
