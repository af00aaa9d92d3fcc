using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace PointSystem.Bench.Micro;

/// <summary>The parts that need no server, by BenchmarkDotNet: time and allocations.</summary>
internal static class MicroBenchmarks
{
    /// <summary>Runs them all and leaves their table as <c>micro.md</c> in a directory.</summary>
    public static void Run(string directory)
    {
        var artifacts = Directory.CreateTempSubdirectory("pointsystem-micro-").FullName;
        try
        {
            // In this process: another project would have to be restored and built for it.
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
