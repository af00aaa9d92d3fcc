using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace PointSystem.AppHost;

internal static class LogFiles
{
    /// <summary>Writes what each process says to a file of its own in the data directory, as well as to the dashboard.</summary>
    public static void WriteLogFiles(this IDistributedApplicationBuilder builder, Settings settings) => builder.Services.AddHostedService(services => new Writer(
        settings.Logs, services.GetRequiredService<DistributedApplicationModel>(), services.GetRequiredService<ResourceLoggerService>()));

    private sealed class Writer(string directory, DistributedApplicationModel model, ResourceLoggerService loggers) : BackgroundService
    {
        // In bytes: with the file before it, a process keeps twice as much.
        private const long SizeMax = 10 * 1024 * 1024;

        protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(model.Resources
            .Where(resource => resource is IComputeResource)
            .Select(resource => WriteAsync(resource, stoppingToken)));

        private async Task WriteAsync(IResource resource, CancellationToken cancellationToken)
        {
            var path = Path.Combine(directory, resource.Name + ".log");
            try
            {
                var file = Open(path);
                try
                {
                    await foreach (var lines in loggers.WatchAsync(resource).WithCancellation(cancellationToken))
                    {
                        foreach (var line in lines)
                        {
                            await file.WriteLineAsync(line.Content);
                        }
                        await file.FlushAsync(cancellationToken);
                        if (file.BaseStream.Length > SizeMax)
                        {
                            await file.DisposeAsync();
                            file = Open(path);
                        }
                    }
                }
                finally
                {
                    await file.DisposeAsync();
                }
            }
            catch (Exception end) when (end is OperationCanceledException or IOException)
            {
                // The app host ends; or the disk is full, which must not stop the points.
            }
        }

        /// <summary>An empty file; the one before it is kept as <c>.previous.log</c>.</summary>
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
