using Npgsql;
using PointSystem.Api.Features.Events;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>Delivers the events of one endpoint: those of a member one after the other, those of different members at the same time.</summary>
/// <remarks>One round after the other: read new events, start what is due, wait for something to happen, store what came of it.</remarks>
internal sealed class WebhookWorker(
    long id,
    WebhookStore store,
    WebhookSender sender,
    WebhookMetrics metrics,
    NpgsqlDataSource events,
    EventMonitor monitor,
    TimeProvider time,
    WebhookOptions options,
    SemaphoreSlim connections,
    ILogger logger)
{
    private const int PageSize = 200;

    // Events kept in memory from their reading to their first attempt; others are read again.
    private const int ReadMax = 2 * PageSize;

    // Changes that other replicas make to the endpoint are seen after this time, and so are due attempts.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CleanUpInterval = TimeSpan.FromMinutes(10);

    // After so many failed attempts in a row the receiver is not asked by several requests at a time.
    private const int FailuresUntilOne = 3;

    private readonly Dictionary<EventCursor, Task<WebhookResult>> _running = [];
    private readonly Dictionary<EventCursor, CloudEvent> _read = [];
    private bool _hasMore = true;
    private int _pending;
    private int _failures;

    /// <summary>Runs until the endpoint is disabled or deleted, or it is cancelled. What was not stored is sent again by the next worker.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            _pending = await WithConnectionAsync(() => store.CountPendingAsync(id, ending.Token), ending.Token);
            var cleanedUp = time.GetTimestamp();
            while (await WithConnectionAsync(() => store.FindAsync(id, ending.Token), ending.Token) is { IsEnabled: true } endpoint)
            {
                var next = await ReadAsync(endpoint, ending.Token);
                await StartAsync(endpoint, ending.Token);
                if (next is null || !_hasMore)
                {
                    await WaitAsync(next?.Position, ending.Token);
                }

                await EndAsync(endpoint, ending.Token);
                if (time.GetElapsedTime(cleanedUp) >= CleanUpInterval)
                {
                    while (await WithConnectionAsync(() => store.CleanUpAsync(id, ending.Token), ending.Token))
                    {
                    }

                    cleanedUp = time.GetTimestamp();
                }
            }
        }
        finally
        {
            await ending.CancelAsync();
            Task all = Task.WhenAll(_running.Values);
            await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The wait before the next attempt, with a quarter more at random: not all receivers' retries at once.</summary>
    internal static TimeSpan? WaitAfter(IReadOnlyList<TimeSpan> waits, int attempts, TimeSpan retryAfter, double random)
    {
        if (attempts > waits.Count)
        {
            return null;
        }

        var wait = waits[attempts - 1] * (1 + (random / 4));
        return wait > retryAfter ? wait : retryAfter;
    }

    /// <summary>Adds deliveries for a page of new events; null if there is no room for them, otherwise the place after them.</summary>
    private async Task<EventCursor?> ReadAsync(WebhookEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (_pending + PageSize > options.BacklogMax)
        {
            // What became pending elsewhere counts too: dead letters that were replayed.
            _pending = await WithConnectionAsync(() => store.CountPendingAsync(id, cancellationToken), cancellationToken);
            return null;
        }

        if (!_hasMore && monitor.State is { } state && state.Tip <= endpoint.Next.Position)
        {
            return endpoint.Next;
        }

        var page = await WithConnectionAsync(() => EventFeed.ReadAsync(events, endpoint.Next, PageSize, cancellationToken), cancellationToken);
        if (page is null)
        {
            return null;
        }

        _hasMore = page.HasMore;
        if (page.Next != endpoint.Next)
        {
            await WithConnectionAsync(() => store.AppendAsync(endpoint, page, cancellationToken), cancellationToken);
            foreach (var (happened, cursor) in page.Events.Where(one => endpoint.Wants(one.Event.Type)))
            {
                _pending++;
                if (_read.Count < ReadMax)
                {
                    _read[cursor] = happened;
                }
            }
        }

        return page.Next;
    }

    private async Task StartAsync(WebhookEndpoint endpoint, CancellationToken cancellationToken)
    {
        var room = (_failures >= FailuresUntilOne ? 1 : options.Concurrency) - _running.Count;
        if (room <= 0)
        {
            return;
        }

        // Those that are under way are due as well.
        var due = await WithConnectionAsync(() => store.DueAsync(id, room + _running.Count, cancellationToken), cancellationToken);
        foreach (var delivery in due.Where(one => !_running.ContainsKey(one.Cursor)).Take(room))
        {
            _running[delivery.Cursor] = SendAsync(endpoint, delivery, cancellationToken);
        }
    }

    private async Task<WebhookResult> SendAsync(WebhookEndpoint endpoint, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var happened = _read.GetValueOrDefault(delivery.Cursor)
            ?? await WithConnectionAsync(() => ReadOneAsync(delivery.Cursor, cancellationToken), cancellationToken)
            ?? throw new InvalidOperationException($"The event {delivery.EventId} is not in the ledger.");
        var answer = await sender.SendAsync(endpoint.Url, endpoint.Secrets, happened.Id, WebhookSender.Serialize(happened), cancellationToken);
        if (answer.IsDelivered)
        {
            return new WebhookResult(delivery, DeliveryStatus.Delivered, null, answer);
        }

        return WaitAfter(options.Waits, delivery.Attempts + 1, answer.RetryAfter, Random.Shared.NextDouble()) is { } wait
            ? new WebhookResult(delivery, DeliveryStatus.Pending, time.GetUtcNow() + wait, answer)
            : new WebhookResult(delivery, DeliveryStatus.Dead, null, answer);
    }

    private async Task<CloudEvent?> ReadOneAsync(EventCursor cursor, CancellationToken cancellationToken)
    {
        var page = await EventFeed.ReadAsync(events, cursor with { Sequence = cursor.Sequence - 1 }, 1, cancellationToken);
        return page?.Events is [var (happened, at)] && at == cursor ? happened : null;
    }

    /// <summary>Waits for an answer, for new events, or for a moment.</summary>
    private async Task WaitAsync(long? position, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task> things = [.. _running.Values, Task.Delay(LookInterval, time, waiting.Token)];
        if (position is { } last)
        {
            things.Add(monitor.WaitBeyondAsync(last, waiting.Token));
        }

        await Task.WhenAny(things);
        await waiting.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task EndAsync(WebhookEndpoint endpoint, CancellationToken cancellationToken)
    {
        var ended = _running.Where(one => one.Value.IsCompleted).ToList();
        if (ended.Count == 0)
        {
            return;
        }

        var results = new List<WebhookResult>();
        foreach (var (_, task) in ended)
        {
            results.Add(await task);
        }

        var reason = results.Find(result => result.Answer.IsGone)?.Answer.Error;
        if (reason is not null)
        {
            // What it refused stays pending, for the day when somebody enables it again.
            results = results.ConvertAll(result => result.Answer.IsGone ? result with { Status = DeliveryStatus.Pending, DueAt = time.GetUtcNow() } : result);
            logger.Disabled(endpoint.Name, reason);
        }

        await WithConnectionAsync(() => store.EndAsync(endpoint.Id, results, reason, cancellationToken), cancellationToken);
        foreach (var result in results)
        {
            _running.Remove(result.Cursor);
            metrics.Count(result.Status);
            Log(endpoint, result);
            _failures = result.Answer.IsDelivered ? 0 : _failures + 1;
            if (result.Status != DeliveryStatus.Pending)
            {
                _read.Remove(result.Cursor);
                _pending--;
            }
        }
    }

    private void Log(WebhookEndpoint endpoint, WebhookResult result)
    {
        if (result.Status == DeliveryStatus.Dead)
        {
            logger.DeadLetter(endpoint.Name, result.Delivery.EventId, result.Delivery.Attempts + 1, result.Answer.Error!);
        }
        else if (result.Status == DeliveryStatus.Pending && _failures == 0)
        {
            // Once for each outage of the receiver; the log of deliveries has every attempt.
            logger.NotDelivered(endpoint.Name, result.Delivery.EventId, result.Delivery.Attempts + 1, result.Answer.Error!);
        }
    }

    private async Task WithConnectionAsync(Func<Task> work, CancellationToken cancellationToken) => await WithConnectionAsync(
        async () =>
        {
            await work();
            return true;
        },
        cancellationToken);

    /// <summary>All workers of this replica together use a few connections.</summary>
    private async Task<T> WithConnectionAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await connections.WaitAsync(cancellationToken);
        try
        {
            return await work();
        }
        finally
        {
            connections.Release();
        }
    }
}
