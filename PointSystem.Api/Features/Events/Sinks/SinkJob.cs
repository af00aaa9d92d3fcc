using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Jobs;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>
/// Publishes events to the sinks on one replica at a time, under the lock <c>point:job:events</c>; another one goes on within a lease. Two publishers at a
/// time, which a lost lock can cause, publish an event twice at worst.
/// </summary>
internal sealed class SinkJob(
    IEnumerable<IEventSink> sinks,
    SinkStore store,
    SinkMetrics metrics,
    EventMonitor monitor,
    JobRunner runner,
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource events,
    TimeProvider time,
    IOptions<SinkOptions> options,
    ILogger<SinkJob> logger) : BackgroundService
{
    private const string Name = "events";
    private const int PageSize = 200;
    private readonly ConcurrentDictionary<IEventSink, bool> _sinks = new(sinks.Select(sink => KeyValuePair.Create(sink, true)));
    private bool _isFailing;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _sinks.IsEmpty ? Task.CompletedTask : runner.KeepRunningAsync(Name, () => !_sinks.IsEmpty, RunAsync, Report, stoppingToken);

    /// <summary>Once for each outage, in which there are enough other lines.</summary>
    private void Report(Exception failure)
    {
        if (!_isFailing)
        {
            logger.Interrupted(failure);
        }

        _isFailing = true;
    }

    /// <summary>Publishes to all sinks at the same time, each at its own pace, until this is cancelled or none is left.</summary>
    private Task RunAsync(CancellationToken cancellationToken)
    {
        _isFailing = false;
        return Task.WhenAll(_sinks.Keys.Select(sink => RunAsync(sink, cancellationToken)));
    }

    /// <summary>Publishes to a sink until this is cancelled, or the sink can never be used.</summary>
    private async Task RunAsync(IEventSink sink, CancellationToken cancellationToken)
    {
        var isFailing = false;
        var failures = 0;
        var progress = 0;

        // Of the page that could not be published as a whole.
        var confirmed = new ConcurrentDictionary<(string Source, string Id), bool>();
        void Confirm(CloudEvent one)
        {
            confirmed[(one.Source, one.Id)] = true;
            metrics.Published(sink.Name);
            Interlocked.Exchange(ref progress, 1);
        }

        metrics.Begin(sink.Name);
        try
        {
            while (true)
            {
                try
                {
                    metrics.IsBehind(sink.Name);
                    var next = await PublishAsync(sink, confirmed, Confirm, cancellationToken);
                    failures = 0;
                    if (isFailing)
                    {
                        logger.PublishedAgain(sink.Name);
                        isFailing = false;
                    }

                    if (next is { } end)
                    {
                        metrics.HasAll(sink.Name);
                        await monitor.WaitBeyondAsync(end.Position, cancellationToken);
                    }
                }
                catch (SinkUnsupportedException unsupported)
                {
                    logger.Unsupported(sink.Name, unsupported.Message);
                    _sinks.TryRemove(sink, out _);
                    return;
                }
                catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
                {
                    metrics.Failed(sink.Name);
                    failures = Interlocked.Exchange(ref progress, 0) == 1 ? 1 : failures + 1;
                    if (!isFailing)
                    {
                        logger.NotPublished(failure, sink.Name);
                        isFailing = true;
                    }

                    await Task.Delay(WaitAfter(failures, options.Value.RetryMax, Random.Shared.NextDouble()), time, cancellationToken);
                }
            }
        }
        finally
        {
            metrics.Forget(sink.Name);
        }
    }

    /// <summary>The wait after so many failures in a row without a confirmed event: from a hundredth of the longest one on it doubles, up to a quarter less at random.</summary>
    internal static TimeSpan WaitAfter(int failures, TimeSpan max, double random)
    {
        var wait = max / 100 * Math.Pow(2, Math.Min(failures - 1, 10));
        return (wait < max ? wait : max) * (1 - (random / 4));
    }

    /// <summary>Publishes a page of events, and moves the cursor behind it once they are confirmed.</summary>
    /// <returns>The place behind all events; null if there are more.</returns>
    private async Task<EventCursor?> PublishAsync(
        IEventSink sink, ConcurrentDictionary<(string Source, string Id), bool> confirmed, Action<CloudEvent> confirm, CancellationToken cancellationToken)
    {
        var stored = await store.FindAsync(sink.Name, cancellationToken);
        var start = stored ?? (options.Value.Start == SinkStart.Now ? await EventFeed.EndAsync(events, cancellationToken) : EventCursor.Start);
        if (stored is null && !await store.MoveAsync(sink.Name, null, start, cancellationToken))
        {
            return null;
        }

        for (var cursor = start; ;)
        {
            if (await EventFeed.ReadAsync(events, cursor, PageSize, cancellationToken) is not { } page)
            {
                logger.IsAhead(sink.Name);
                throw new InvalidOperationException("The cursor is ahead of the events of this database.");
            }

            var missing = page.Events.Select(one => one.Event).Where(one => !confirmed.ContainsKey((one.Source, one.Id))).ToList();
            if (missing.Count > 0)
            {
                using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                ending.CancelAfter(options.Value.Timeout);
                try
                {
                    await sink.PublishAsync(missing, confirm, ending.Token);
                }
                catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
                {
                    throw new TimeoutException($"{sink.Name} has not confirmed {missing.Count} events within {options.Value.Timeout.TotalSeconds:0} s.", late);
                }
            }

            if (page.Next != cursor && !await store.MoveAsync(sink.Name, cursor, page.Next, cancellationToken))
            {
                // Another replica publishes too, until one of the two notices that it has lost the lock; or somebody has moved the cursor.
                return null;
            }

            cursor = page.Next;
            confirmed.Clear();
            if (!page.HasMore)
            {
                return cursor;
            }
        }
    }
}
