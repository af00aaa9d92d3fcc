using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Npgsql;
using PointSystem.Api.Http;
using PointSystem.Api.Persistence;

namespace PointSystem.Api.Features.Events;

/// <summary>Server-sent events: the pages of the feed as a stream that goes on with each new event.</summary>
/// <remarks>
/// A stream has a database connection only while it reads a page, and then it counts as a read. While it waits for new events, or for its
/// consumer to accept more, it has none. A consumer that does not read is disconnected by Kestrel's minimum data rate.
/// </remarks>
internal sealed class EventStreams(
    [FromKeyedServices(DatabasePools.ReadPool)] NpgsqlDataSource database,
    ReadLimit reads,
    EventMonitor monitor,
    IHostApplicationLifetime lifetime,
    IOptions<EventOptions> options,
    ILogger<EventStreams> logger)
{
    /// <summary>The media type of server-sent events.</summary>
    public const string ContentType = "text/event-stream";

    /// <summary>Events that are read at once; they are in memory while the consumer accepts them.</summary>
    private const int PageSize = 500;

    private int _streams;

    // A consumer that has lost its connection comes back after this time, in milliseconds.
    private static ReadOnlySpan<byte> Opening => "retry: 1000\n\n"u8;

    private static ReadOnlySpan<byte> Comment => ":\n\n"u8;

    /// <summary>Counts a new stream; disposing the result ends it.</summary>
    public bool TryOpen([NotNullWhen(true)] out IDisposable? stream)
    {
        var opened = new Open(this);
        if (Interlocked.Increment(ref _streams) <= options.Value.StreamsMax)
        {
            stream = opened;
            return true;
        }

        opened.Dispose();
        stream = null;
        return false;
    }

    /// <summary>Sends a page and then every new event, until the consumer disconnects or this replica stops.</summary>
    public async Task RunAsync(HttpContext http, EventPage page)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            http.Response.ContentType = ContentType;
            http.Response.Headers["X-Accel-Buffering"] = "no";
            http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            var body = http.Response.BodyWriter;
            body.Write(Opening);
            while (true)
            {
                await SendAsync(body, page.Events, ending.Token);
                if (!page.HasMore)
                {
                    await WaitAsync(body, page.Next, ending.Token);
                }

                page = await ReadAsync(http, page.Next, ending.Token) ?? page with { Events = [], HasMore = false };
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The consumer has gone, or this replica stops: the answer ends here, and the consumer goes on elsewhere with its last id.
        }
    }

    private static async Task SendAsync(PipeWriter body, IReadOnlyList<(CloudEvent Event, EventCursor Cursor)> events, CancellationToken cancellationToken)
    {
        await using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = PointJsonContext.Wire.Options.Encoder }))
        {
            foreach (var (happened, cursor) in events)
            {
                body.Write("id: "u8);
                Encoding.UTF8.GetBytes(cursor.ToString(), body);
                body.Write("\ndata: "u8);
                json.Reset();

                // The encoder is the writer's. With options that have one, the generated code would not be used.
                JsonSerializer.Serialize(json, happened, PointJsonContext.Default.CloudEvent);
                await json.FlushAsync(cancellationToken);
                body.Write("\n\n"u8);
            }
        }

        // Waits while the consumer's connection accepts no more.
        await body.FlushAsync(cancellationToken);
    }

    private async Task WaitAsync(PipeWriter body, EventCursor after, CancellationToken cancellationToken)
    {
        var news = monitor.WaitBeyondAsync(after.Position, cancellationToken);
        while (true)
        {
            try
            {
                await news.WaitAsync(options.Value.Heartbeat, cancellationToken);
                return;
            }
            catch (TimeoutException)
            {
                body.Write(Comment);
                await body.FlushAsync(cancellationToken);
            }
        }
    }

    /// <summary>Reads the next page; null, after a pause, if the database or a place among the reads cannot be had at the moment.</summary>
    private async Task<EventPage?> ReadAsync(HttpContext http, EventCursor after, CancellationToken cancellationToken)
    {
        try
        {
            using var read = await reads.TryEnterAsync(http, cancellationToken);
            if (read is not null)
            {
                return await EventFeed.ReadAsync(database, after, PageSize, cancellationToken);
            }
        }
        catch (Exception failure) when (failure is RequestRefusedException || DatabaseErrors.IsUnavailable(failure))
        {
            logger.StreamNotRead(failure);
        }

        await Task.Delay(options.Value.LagInterval, cancellationToken);
        return null;
    }

    private sealed class Open(EventStreams streams) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref streams._streams);
    }
}
