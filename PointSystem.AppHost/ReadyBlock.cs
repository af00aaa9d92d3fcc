using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace PointSystem.AppHost;

/// <summary>The result of the start.</summary>
internal sealed class StartResult
{
    /// <summary>1 if a resource that all others wait for could not start, otherwise 0.</summary>
    public int ExitCode { get; set; }
}

internal static class ReadyBlock
{
    /// <summary>
    /// Writes a summary to the terminal when everything is healthy. If the database cannot start or cannot be migrated, nothing can
    /// become healthy: then prints the last output and ends the app host.
    /// </summary>
    public static void ReportWhenReady(this IDistributedApplicationBuilder builder, Settings settings)
    {
        builder.Services.AddSingleton<StartResult>();
        builder.AddCompanion(services => new Watch(
            settings,
            builder.DashboardLink(),
            services.GetRequiredService<ResourceNotificationService>(),
            services.GetRequiredService<ResourceLoggerService>(),
            services.GetRequiredService<IHostApplicationLifetime>(),
            services.GetRequiredService<StartResult>()));
    }

    /// <summary>Runs the app until it is stopped, or until a resource that all others wait for could not start.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunToEndAsync(this DistributedApplication app)
    {
        var result = app.Services.GetRequiredService<StartResult>();
        try
        {
            await app.RunAsync();
        }
        catch (OperationCanceledException)
        {
            // It was stopped during the start.
        }
        return result.ExitCode;
    }

    private sealed class Watch(
        Settings settings,
        string dashboard,
        ResourceNotificationService notifications,
        ResourceLoggerService loggers,
        IHostApplicationLifetime lifetime,
        StartResult result) : ICompanion
    {
        private const int LastLinesMax = 12;
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            try
            {
                var ready = notifications.WaitForResourceHealthyAsync(Gateway.Name, WaitBehavior.WaitOnResourceUnavailable, cancellationToken);
                var failed = Task.WhenAny(WaitForFailureAsync(Database.Server, cancellationToken), WaitForFailureAsync("migrations", cancellationToken));
                if (await Task.WhenAny(ready, failed) == ready)
                {
                    await ready;
                    Console.WriteLine(Describe());
                    return;
                }
                var resource = await await failed;
                Console.Error.WriteLine(await LastLinesAsync(resource, cancellationToken));
                result.ExitCode = 1;
                lifetime.StopApplication();
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The app host was stopped before it was ready.
            }
        }

        /// <summary>Completes when the resource has failed.</summary>
        private async Task<IResource> WaitForFailureAsync(string name, CancellationToken cancellationToken) => (await notifications.WaitForResourceAsync(
            name,
            change => change.Snapshot.State?.Text is { } state
                && (state == KnownResourceStates.FailedToStart
                    || (KnownResourceStates.TerminalStates.Contains(state) && change.Snapshot.ExitCode is not (null or 0))),
            cancellationToken)).Resource;

        private async Task<string> LastLinesAsync(IResource resource, CancellationToken cancellationToken)
        {
            var lines = new List<string>();
            await foreach (var batch in loggers.GetAllAsync(resource).WithCancellation(cancellationToken))
            {
                lines.AddRange(batch.Select(line => line.Content));
            }
            // Both output streams, in order of time, without the orchestrator's own messages.
            var output = lines.Order(StringComparer.Ordinal)
                .Select(line => line.Split(' ', 2))
                .Where(parts => parts is [_, var text]
                    && !text.StartsWith("[sys]", StringComparison.Ordinal)
                    && !text.StartsWith("No custom certificate", StringComparison.Ordinal))
                .Select(parts => "    " + parts[1]);
            return $"{resource.Name} could not start; its log is {Path.Combine(settings.Logs, resource.Name + ".log")}. Its last lines:\n"
                + string.Join('\n', output.TakeLast(LastLinesMax));
        }

        private string Describe()
        {
            var gateway = string.Create(CultureInfo.InvariantCulture, $"http://localhost:{settings.Port}");
            var text = new StringBuilder()
                .AppendLine()
                .AppendLine(CultureInfo.InvariantCulture, $"PointSystem is ready after {_watch.Elapsed.TotalSeconds:0.0} s. Ctrl+C ends it.")
                .AppendLine()
                .AppendLine(CultureInfo.InvariantCulture, $"  gateway      {gateway}")
                .AppendLine(CultureInfo.InvariantCulture, $"  API page     {gateway}/scalar")
                .AppendLine(CultureInfo.InvariantCulture, $"  dashboard    {dashboard}")
                .AppendLine(CultureInfo.InvariantCulture, $"  admin token  {settings.WriteAdminToken()}")
                .AppendLine(CultureInfo.InvariantCulture, $"  token file   {settings.AdminTokenFile}, valid for a day; the command `token` makes a new one")
                .AppendLine();
            foreach (var (part, description) in settings.Parts)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {part,-11}  {description}");
            }
            return text
                .AppendLine(CultureInfo.InvariantCulture, $"  data         {settings.Data}")
                .AppendLine(CultureInfo.InvariantCulture, $"  logs         {settings.Logs}")
                .ToString();
        }
    }
}
