using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Notifications.Templates;

namespace PointSystem.Notifications.Sending;

/// <summary>Sends what is due over one channel, one message after the other.</summary>
internal sealed partial class SendJob(
    INotificationSender sender, NotificationStore store, MessageTemplates templates, QuietHours quietHours, NotificationMetrics metrics, TimeProvider time,
    IOptions<NotificationOptions> options, ILogger<SendJob> logger)
{
    private const int BatchMax = 20;
    private const double JitterMax = 0.25;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(1);

    private readonly IReadOnlyList<TimeSpan> _waits = options.Value.Waits;
    private readonly TimeSpan _lease = options.Value.Lease;

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = LookInterval;
            try
            {
                var (count, isAway) = await RunOnceAsync(failures > 0 ? 1 : BatchMax, stoppingToken);
                if (isAway)
                {
                    failures++;
                    wait = Waits.After(failures, PauseMin, PauseMax);
                }
                else
                {
                    // Nothing to send says nothing about the receiver.
                    failures = count > 0 ? 0 : failures;
                    if (count > 0)
                    {
                        continue;
                    }

                    await sender.RestAsync(stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is NpgsqlException or IOException or TimeoutException)
            {
                if (failures++ == 0)
                {
                    LogInterrupted(logger, failure, sender.Channel);
                }

                wait = Waits.After(failures, PauseMin, PauseMax);
            }

            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Sends some notifications.</summary>
    /// <returns>Their number, and whether the receiver is away, so that the others wait.</returns>
    private async Task<(int Count, bool IsAway)> RunOnceAsync(int limit, CancellationToken cancellationToken)
    {
        if (quietHours.EndAt(time.GetUtcNow()) is { } end)
        {
            await store.DelayAsync(sender.Channel, end, cancellationToken);
            return (0, false);
        }

        var begun = time.GetTimestamp();
        var taken = await store.TakeAsync(sender.Channel, limit, cancellationToken);
        for (var i = 0; i < taken.Count; i++)
        {
            if (await SendAsync(taken[i], cancellationToken))
            {
                await store.GiveBackAsync(taken.Skip(i + 1), cancellationToken);
                return (taken.Count, true);
            }

            if (time.GetElapsedTime(begun) > _lease / 4)
            {
                // The receiver is slow. Another process may not take what is still to be sent here.
                await store.GiveBackAsync(taken.Skip(i + 1), cancellationToken);
                break;
            }
        }

        return (taken.Count, false);
    }

    /// <summary>Sends one. True if the receiver is away.</summary>
    private async Task<bool> SendAsync(Notification notification, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (notification.Contact?.AddressFor(notification.Channel, notification.EventType) is not { } address)
        {
            await EndAsync(
                notification, AttemptOutcome.Discarded, notification.Contact is null ? "the member has no contact any more" : "the member opted out, or has no address",
                null, cancellationToken);
            return false;
        }

        if (now > notification.NotAfter)
        {
            await EndAsync(notification, AttemptOutcome.Dead, "too old (Notifications:MaxAge)", null, cancellationToken);
            return false;
        }

        var (result, subject) = await TrySendAsync(notification, address, notification.Contact.Language, cancellationToken);
        if (result.Answer is { } answer)
        {
            await store.EndSentAsync(notification, Hidden(address), subject, answer, CancellationToken.None);
            metrics.Count(notification.Channel, AttemptOutcome.Sent);
            return false;
        }

        var wait = notification.Attempts <= _waits.Count && !result.IsFinal ? _waits[notification.Attempts - 1] : (TimeSpan?)null;
        if (wait is { } pause)
        {
            var delay = pause * (1 + (Random.Shared.NextDouble() * JitterMax));
            await EndAsync(notification, AttemptOutcome.Failed, result.Error!, now + (delay > result.RetryAfter ? delay : result.RetryAfter), cancellationToken);
        }
        else
        {
            LogDead(logger, notification.Id, notification.Channel, result.Error!);
            await EndAsync(notification, AttemptOutcome.Dead, result.Error!, null, cancellationToken);
        }

        return result.IsAway;
    }

    /// <summary>Renders and sends. Whatever goes wrong with one notification is its failure: it must not end the process, which would meet it again.</summary>
    private async Task<(SendResult Result, string Subject)> TrySendAsync(
        Notification notification, string address, string language, CancellationToken cancellationToken)
    {
        try
        {
            var message = await templates.RenderAsync(notification, address, language);
            return (await sender.SendAsync(message, cancellationToken), message.Subject);
        }
        catch (Exception failure) when (failure is not OperationCanceledException && failure is not OutOfMemoryException)
        {
            LogDefect(logger, failure, notification.Id, notification.Channel);
            return (SendResult.Failed($"it could not be rendered or sent: {failure.Message}"), "");
        }
    }

    private async Task EndAsync(
        Notification notification, AttemptOutcome outcome, string error, DateTimeOffset? dueAt, CancellationToken cancellationToken)
    {
        var status = outcome == AttemptOutcome.Failed ? "PENDING" : outcome.ToString().ToUpperInvariant();
        await store.EndFailedAsync(notification, status, error, dueAt, cancellationToken);
        metrics.Count(notification.Channel, outcome);
    }

    /// <summary>Enough to recognise an address with, and no more: what was sent is kept for ever.</summary>
    private static string Hidden(string address)
    {
        var at = address.LastIndexOf('@');
        return at > 0 ? $"{address[..1]}***{address[at..]}" : $"{address[..Math.Min(4, address.Length / 2)]}***";
    }

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning, Message = "Sending by {Channel} was interrupted; it is tried again")]
    private static partial void LogInterrupted(ILogger logger, Exception exception, string channel);

    [LoggerMessage(EventId = 13, Level = LogLevel.Error, Message = "The notification {Id} ({Channel}) could not be rendered or sent")]
    private static partial void LogDefect(ILogger logger, Exception exception, long id, string channel);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning, Message = "The notification {Id} ({Channel}) is a dead letter: {Error}")]
    private static partial void LogDead(ILogger logger, long id, string channel, string error);
}
