using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Restarts
{
    /// <summary>Restarts a process of this resource that dies. A process stopped in the dashboard stays stopped.</summary>
    public static IResourceBuilder<T> KeepRunning<T>(this IResourceBuilder<T> resource)
        where T : IResource => resource.WithAnnotation(new KeptRunning());

    /// <summary>Watches every resource marked with <see cref="KeepRunning{T}"/>.</summary>
    public static void RestartEndedResources(this IDistributedApplicationBuilder builder) =>
        builder.AddCompanion(services => ActivatorUtilities.CreateInstance<Restarter>(services));

    private sealed class KeptRunning : IResourceAnnotation
    {
        public Backoff Backoff { get; } = new();

        /// <summary>Whether the state "stopping" was seen, which only a stop command causes.</summary>
        public bool IsStopping { get; set; }

        public bool IsWaiting { get; set; }

        public int Restarts { get; set; }
    }

    private sealed class Restarter(
        ResourceNotificationService notifications, ResourceCommandService commands, ResourceLoggerService loggers, ILogger<Restarter> logger) : ICompanion
    {
        private const string Property = "pointsystem.restarts";

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            try
            {
                await foreach (var change in notifications.WatchAsync(cancellationToken))
                {
                    if (change.Resource.Annotations.OfType<KeptRunning>().FirstOrDefault() is { } kept)
                    {
                        OnChange(change, kept, cancellationToken);
                    }
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The app host is ending.
            }
        }

        private void OnChange(ResourceEvent change, KeptRunning kept, CancellationToken cancellationToken)
        {
            var state = change.Snapshot.State?.Text;
            if (state == KnownResourceStates.Stopping)
            {
                kept.IsStopping = true;
            }
            else if (state is not null && !KnownResourceStates.TerminalStates.Contains(state))
            {
                kept.IsStopping = false;
            }
            else if (state is not null && state != KnownResourceStates.NotStarted && !kept.IsStopping && !kept.IsWaiting)
            {
                kept.IsWaiting = true;
                _ = RestartAsync(change, kept, cancellationToken);
            }
        }

        private async Task RestartAsync(ResourceEvent ended, KeptRunning kept, CancellationToken cancellationToken)
        {
            try
            {
                var ran = ended.Snapshot is { StartTimeStamp: { } started, StopTimeStamp: { } stopped } ? stopped - started : TimeSpan.Zero;
                var wait = kept.Backoff.Next(ran);
                var exitCode = ended.Snapshot.ExitCode?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
                var sentence = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{ended.Resource.Name} ended (exit code {exitCode}); restarting it in {wait.TotalMilliseconds:0} ms.");
                logger.Restarting(sentence);
                loggers.GetLogger(ended.Resource).Restarting(sentence);
                await Task.Delay(wait, cancellationToken);
                kept.Restarts++;
                kept.IsWaiting = false;
                var result = await commands.ExecuteCommandAsync(ended.ResourceId, KnownResourceCommands.StartCommand, cancellationToken);
                if (!result.Success)
                {
                    logger.NotStarted(ended.Resource.Name, result.Message ?? "no reason was given");
                }
                await notifications.PublishUpdateAsync(ended.Resource, ended.ResourceId, snapshot => snapshot with
                {
                    Properties = [.. snapshot.Properties.Where(property => property.Name != Property), new ResourcePropertySnapshot(Property, kept.Restarts)],
                });
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The app host is ending.
            }
        }
    }
}

internal static partial class RestartLog
{
    [LoggerMessage(EventId = 1401, Level = LogLevel.Warning, Message = "{Sentence}")]
    public static partial void Restarting(this ILogger logger, string sentence);

    [LoggerMessage(EventId = 1402, Level = LogLevel.Error, Message = "{Resource} could not be restarted: {Reason}")]
    public static partial void NotStarted(this ILogger logger, string resource, string reason);
}
