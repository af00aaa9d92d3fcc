using Microsoft.Extensions.DependencyInjection;

namespace PointSystem.AppHost;

internal static class LogFiles
{
    /// <summary>Writes the output of each process to its own file in the data directory, in addition to the dashboard.</summary>
    public static void WriteLogFiles(this IDistributedApplicationBuilder builder, Settings settings) => builder.AddCompanion(services => new Writer(
        settings.Logs, services.GetRequiredService<DistributedApplicationModel>(), services.GetRequiredService<ResourceLoggerService>()));

    private sealed class Writer(string directory, DistributedApplicationModel model, ResourceLoggerService loggers) : ICompanion
    {
        // In bytes. With the previous file, a process keeps twice as much.
        private const long SizeMax = 10 * 1024 * 1024;

        public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(model.Resources
            // Without the resources that Aspire adds for itself.
            .Where(resource => resource is IComputeResource && !resource.Name.EndsWith("-rebuilder", StringComparison.Ordinal))
            .Select(resource => WriteAsync(resource, cancellationToken)));

        private async Task WriteAsync(IResource resource, CancellationToken cancellationToken)
        {
            var path = Path.Combine(directory, resource.Name + ".log");
            StreamWriter? file = null;
            try
            {
                await foreach (var lines in loggers.WatchAsync(resource).WithCancellation(cancellationToken))
                {
                    file ??= Open(path);
                    foreach (var line in lines)
                    {
                        await file.WriteLineAsync(line.Content);
                    }
                    await file.FlushAsync(cancellationToken);
                    if (file.BaseStream.Length > SizeMax)
                    {
                        await file.DisposeAsync();
                        file = null;
                    }
                }
            }
            catch (Exception end) when (end is OperationCanceledException or IOException)
            {
                // The app host is ending, or the disk is full, which must not stop the service.
            }
            finally
            {
                await (file?.DisposeAsync() ?? ValueTask.CompletedTask);
            }
        }

        /// <summary>Opens an empty file; the previous one is kept as <c>.previous.log</c>.</summary>
        private static StreamWriter Open(string path)
        {
            if (File.Exists(path))
            {
                File.Move(path, Path.ChangeExtension(path, ".previous.log"), overwrite: true);
            }
            return new StreamWriter(path, append: false);
        }
    }
}
