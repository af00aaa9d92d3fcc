using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using Polly.CircuitBreaker;
using Polly.Timeout;
using PointSystem.Notifications.Sending;

namespace PointSystem.Notifications.Feed;

/// <summary>Turns events into notifications. Several processes may do so: each page counts for the one that moves the cursor.</summary>
internal sealed partial class FeedJob(
    EventFeed feed, NotificationStore store, IEnumerable<INotificationSender> senders, NotificationMetrics metrics, TimeProvider time,
    IOptions<FeedOptions> options, IOptions<NotificationOptions> notifications, ILogger<FeedJob> logger) : BackgroundService
{
    private static readonly TimeSpan RetryMin = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan CleanUpInterval = TimeSpan.FromMinutes(1);

    private readonly IReadOnlyList<string> _types = notifications.Value.WantedTypes;
    private readonly IReadOnlyList<string> _channels = [.. senders.Select(sender => sender.Channel).Distinct(StringComparer.Ordinal)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_channels.Count == 0)
        {
            LogNoChannel(logger);
        }

        var failures = 0;
        var cleanedAt = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = options.Value.Interval;
            try
            {
                var isBehind = await RunOnceAsync(stoppingToken);
                if (failures > 0)
                {
                    LogRecovered(logger);
                }

                failures = 0;
                if (isBehind)
                {
                    continue;
                }

                metrics.KnowsAllEvents();
                metrics.SetOverdue(await store.OverdueAsync(stoppingToken));
                if (time.GetElapsedTime(cleanedAt) >= CleanUpInterval)
                {
                    while (await store.CleanUpAsync(stoppingToken))
                    {
                    }

                    cleanedAt = time.GetTimestamp();
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested && IsOutage(failure))
            {
                if (failures++ == 0)
                {
                    LogInterrupted(logger, failure);
                }

                wait = Waits.After(failures, RetryMin, options.Value.RetryMax);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Reads one page. True if there may be more.</summary>
    private async Task<bool> RunOnceAsync(CancellationToken cancellationToken)
    {
        var cursor = await store.FindCursorAsync(cancellationToken);
        var page = await feed.ReadAsync(cursor, _types, cancellationToken);
        if (page.IsEmpty && cursor is not null)
        {
            return false;
        }

        var oldest = time.GetUtcNow() - notifications.Value.MaxAge;
        await store.AppendAsync(cursor, page.Next, [.. page.Events.Where(one => one.Time >= oldest)], _channels, cancellationToken);
        return !page.IsEmpty;
    }

    /// <summary>What can pass by itself, or is for an operator to mend; everything else is a defect, and ends the process.</summary>
    private static bool IsOutage(Exception failure) => failure
        is HttpRequestException or FeedRefusedException or NpgsqlException or IOException or TimeoutException or OperationCanceledException
        or TimeoutRejectedException or BrokenCircuitException or JsonException or KeyNotFoundException;

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Nobody is notified: neither Email nor Push is configured")]
    private static partial void LogNoChannel(ILogger logger);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Reading events was interrupted; it is tried again")]
    private static partial void LogInterrupted(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Events are read again")]
    private static partial void LogRecovered(ILogger logger);
}
