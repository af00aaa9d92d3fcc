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

    /// <summary>
    /// Events that are read at once; they are in memory while the consumer accepts them. Of a busy ledger, most of what happens between two looks: each
    /// further page costs as many statements again.
    /// </summary>
    private const int PageSize = EventSql.PageMax;

    /// <summary>Bytes after which events are sent. With the event that exceeds them, still a small object.</summary>
    private const int SendSize = 48 * 1024;

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
            using var writer = new EventWriter();
            while (true)
            {
                await SendAsync(body, writer, page.Events, ending.Token);
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

    private static async Task SendAsync(
        PipeWriter body, EventWriter writer, IReadOnlyList<(CloudEvent Event, EventCursor Cursor)> events, CancellationToken cancellationToken)
    {
        foreach (var (happened, cursor) in events)
        {
            if (writer.Written.Length >= SendSize)
            {
                await SendAsync(body, writer, cancellationToken);
            }

            writer.Write(happened, cursor);
        }

        await SendAsync(body, writer, cancellationToken);
    }

    /// <summary>Sends what was written, also to the body itself; waits while the consumer's connection accepts no more.</summary>
    private static async Task SendAsync(PipeWriter body, EventWriter writer, CancellationToken cancellationToken)
    {
        body.Write(writer.Written.Span);
        writer.Clear();
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

    /// <summary>Writes events as server-sent events into memory: many small writes to the body would each take its locks.</summary>
    private sealed class EventWriter : IDisposable
    {
        private readonly ArrayBufferWriter<byte> _text = new();
        private readonly Utf8JsonWriter _json;

        // The encoder is the writer's. With options that have one, the generated code would not be used.
        public EventWriter() => _json = new Utf8JsonWriter(_text, new JsonWriterOptions { Encoder = PointJsonContext.Wire.Options.Encoder });

        public ReadOnlyMemory<byte> Written => _text.WrittenMemory;

        public void Write(CloudEvent happened, EventCursor cursor)
        {
            _text.Write("id: "u8);
            Encoding.UTF8.GetBytes(cursor.ToString(), _text);
            _text.Write("\ndata: "u8);
            _json.Reset();
            JsonSerializer.Serialize(_json, happened, PointJsonContext.Default.CloudEvent);
            _json.Flush();
            _text.Write("\n\n"u8);
        }

        public void Clear() => _text.ResetWrittenCount();

        public void Dispose() => _json.Dispose();
    }

    private sealed class Open(EventStreams streams) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref streams._streams);
    }
}
