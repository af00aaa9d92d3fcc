using System.Globalization;
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
public sealed record ReceivedEvent(string Id, string Subject, string Sequence, string Type, long Amount, long BalanceAfter, TimeSpan Lag)
{
    /// <summary>Reads an event from its JSON.</summary>
    public static ReceivedEvent Parse(ReadOnlySpan<byte> json)
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

/// <summary>The events of an idempotent consumer, which ignores ids that it knows.</summary>
public sealed class ReceivedEvents
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _known = [];
    private readonly List<ReceivedEvent> _received = [];
    private readonly List<string> _outOfOrder = [];
    private readonly Dictionary<string, string> _last = [];
    private int _repeated;

    /// <summary>Number of events that came again.</summary>
    public int Repeated => Volatile.Read(ref _repeated);

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
    public IReadOnlyList<ReceivedEvent> All
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

    /// <summary>Keeps an event, unless it is known.</summary>
    public void Add(ReceivedEvent one)
    {
        lock (_gate)
        {
            if (!_known.Add(one.Id))
            {
                _repeated++;
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
}
