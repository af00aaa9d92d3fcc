using System.Net.Http.Headers;
using System.Net.ServerSentEvents;

namespace PointSystem.TestKit;

/// <summary>Takes an event as JSON. The same event can come again.</summary>
public delegate void EventReceiver(ReadOnlySpan<byte> json);

/// <summary>
/// A consumer of the event feed. It reads one stream at a time, and connects again with its stored cursor whenever the stream ends, at another address in
/// turn.
/// </summary>
public sealed class FeedConsumer(IReadOnlyList<Uri> urls, string token, EventReceiver receive) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Lock _gate = new();
    private CancellationTokenSource? _stream;
    private string? _stored;
    private int _sinceStored;

    /// <summary>Number of events after which the consumer stores its cursor: after a crash, at most so many come again.</summary>
    public int StoreEvery { get; init; } = 1;

    /// <summary>Number of connections.</summary>
    public int Connections { get; private set; }

    /// <summary>Starts after this cursor instead of the oldest event.</summary>
    public void StartAfter(string cursor) => _stored = cursor;

    /// <summary>Loses the stream and everything since the last stored cursor, like a consumer that is killed.</summary>
    public void Crash()
    {
        lock (_gate)
        {
            _stream?.Cancel();
        }
    }

    /// <summary>Consumes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            using var stream = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            lock (_gate)
            {
                _stream = stream;
            }

            try
            {
                await ReadStreamAsync(urls[Connections++ % urls.Count], stream.Token);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                // The replica has gone, refused, or the consumer has "crashed".
            }
            finally
            {
                lock (_gate)
                {
                    _stream = null;
                }
            }

            await Task.Delay(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task ReadStreamAsync(Uri url, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url, "/api/events"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (_stored is not null)
        {
            request.Headers.Add("Last-Event-ID", _stored);
        }

        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var items = SseParser.Create(body, (_, json) =>
        {
            receive(json);
            return true;
        });
        await foreach (var item in items.EnumerateAsync(cancellationToken))
        {
            if (++_sinceStored >= StoreEvery)
            {
                (_stored, _sinceStored) = (item.EventId, 0);
            }
        }
    }
}
