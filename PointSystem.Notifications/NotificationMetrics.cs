using System.Diagnostics.Metrics;

namespace PointSystem.Notifications;

/// <summary>What came of an attempt; the lower-case names stand in metrics.</summary>
internal enum AttemptOutcome
{
    /// <summary>The mail server or push service accepted it.</summary>
    Sent,

    /// <summary>It will be tried again.</summary>
    Failed,

    /// <summary>It was the last one.</summary>
    Dead,

    /// <summary>The member does not want it, or cannot be reached.</summary>
    Discarded,
}

/// <summary>What this process measures.</summary>
internal sealed class NotificationMetrics : IHostedService
{
    private readonly Counter<long> _attempts;
    private readonly TimeProvider _time;
    private long _feedReadAt;
    private double _oldestDue;

    public NotificationMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        _feedReadAt = time.GetTimestamp();
        var meter = meters.Create("PointSystem.Notifications");
        _attempts = meter.CreateCounter<long>("pointsystem.notifications.attempts", "{attempt}", "Attempts to send a notification");
        meter.CreateObservableGauge(
            "pointsystem.notifications.feed_lag", () => time.GetElapsedTime(Volatile.Read(ref _feedReadAt)).TotalSeconds, "s",
            "Time since this process last knew all events");
        meter.CreateObservableGauge(
            "pointsystem.notifications.overdue", () => Volatile.Read(ref _oldestDue), "s", "How long the notification that has been due for longest has waited");
    }

    /// <summary>Reports every outcome with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var channel in (string[])[Channels.Email, Channels.Push])
        {
            foreach (var outcome in Enum.GetValues<AttemptOutcome>())
            {
                Count(0, channel, outcome);
            }
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Count(string channel, AttemptOutcome outcome) => Count(1, channel, outcome);

    /// <summary>All events up to now were read.</summary>
    public void KnowsAllEvents() => Volatile.Write(ref _feedReadAt, _time.GetTimestamp());

    public void SetOverdue(TimeSpan oldest) => Volatile.Write(ref _oldestDue, Math.Max(0, oldest.TotalSeconds));

    private void Count(long attempts, string channel, AttemptOutcome outcome) => _attempts.Add(
        attempts, new KeyValuePair<string, object?>("channel", channel.ToLowerInvariant()), new KeyValuePair<string, object?>("outcome", NameOf(outcome)));

    private static string NameOf(AttemptOutcome outcome) => outcome.ToString().ToLowerInvariant();
}
