using System.Globalization;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace PointSystem.TestKit;

/// <summary>An event as a consumer keeps it.</summary>
/// <param name="Id">The id within the source.</param>
/// <param name="Subject">The member, or the configuration key.</param>
/// <param name="Sequence">Compares as text within a subject.</param>
/// <param name="Type">What happened.</param>
/// <param name="Amount">The change of the balance; 0 for a configuration change.</param>
/// <param name="BalanceAfter">The balance after it; 0 for a configuration change.</param>
/// <param name="Lag">The time from the event to its arrival here.</param>
public sealed record ReceivedEvent(string Id, string Subject, string Sequence, string Type, long Amount, long BalanceAfter, TimeSpan Lag);

/// <summary>
/// An idempotent consumer of the event feed. It reads one stream at a time, connects again with its stored cursor whenever the stream ends, at another
/// address in turn, and ignores ids that it knows.
/// </summary>
public sealed class FeedConsumer(IReadOnlyList<Uri> urls, string token) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Lock _gate = new();
    private readonly HashSet<string> _known = [];
    private readonly List<ReceivedEvent> _received = [];
    private readonly List<string> _outOfOrder = [];
    private readonly Dictionary<string, string> _last = [];
    private CancellationTokenSource? _stream;
    private string? _stored;
    private int _sinceStored;

    /// <summary>Number of events after which the consumer stores its cursor: after a crash, at most so many come again.</summary>
    public int StoreEvery { get; init; } = 1;

    /// <summary>Number of events that came again.</summary>
    public int Repeated { get; private set; }

    /// <summary>Number of connections.</summary>
    public int Connections { get; private set; }

    /// <summary>Number of different events so far.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _received.Count;
            }
        }
    }

    /// <summary>The events so far, in the order of their first arrival.</summary>
    public IReadOnlyList<ReceivedEvent> Received
    {
        get
        {
            lock (_gate)
            {
                return [.. _received];
            }
        }
    }

    /// <summary>Events that arrived for the first time after a later one of the same subject.</summary>
    public IReadOnlyList<string> OutOfOrder
    {
        get
        {
            lock (_gate)
            {
                return [.. _outOfOrder];
            }
        }
    }

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
        await foreach (var item in SseParser.Create(body, static (_, data) => Parse(data)).EnumerateAsync(cancellationToken))
        {
            Receive(item.Data, item.EventId!);
        }
    }

    private void Receive(ReceivedEvent one, string cursor)
    {
        lock (_gate)
        {
            if (++_sinceStored >= StoreEvery)
            {
                (_stored, _sinceStored) = (cursor, 0);
            }

            if (!_known.Add(one.Id))
            {
                Repeated++;
                return;
            }

            if (_last.TryGetValue(one.Subject, out var last) && string.CompareOrdinal(one.Sequence, last) <= 0)
            {
                _outOfOrder.Add(one.Id);
            }

            _last[one.Subject] = one.Sequence;
            _received.Add(one);
        }
    }

    private static ReceivedEvent Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        using var document = JsonDocument.ParseValue(ref reader);
        var root = document.RootElement;
        var data = root.GetProperty("data");
        long NumberOf(string name) => data.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
        var time = DateTimeOffset.Parse(root.GetProperty("time").GetString()!, CultureInfo.InvariantCulture);
        return new ReceivedEvent(
            root.GetProperty("id").GetString()!,
            root.GetProperty("subject").GetString()!,
            root.GetProperty("sequence").GetString()!,
            root.GetProperty("type").GetString()!,
            NumberOf("amount"),
            NumberOf("balanceAfter"),
            TimeProvider.System.GetUtcNow() - time);
    }
}
