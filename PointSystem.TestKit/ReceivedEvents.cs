using System.Text.Json;

namespace PointSystem.TestKit;

/// <summary>An event as a consumer keeps it.</summary>
/// <param name="Id">The id within the source.</param>
/// <param name="Subject">The member, or the configuration key.</param>
/// <param name="Sequence">Compares as text within a subject.</param>
/// <param name="Type">What happened.</param>
/// <param name="Amount">The change of the balance; 0 for a configuration change.</param>
/// <param name="BalanceAfter">The balance after it; 0 for a configuration change.</param>
public sealed record ReceivedEvent(string Id, string Subject, string Sequence, string Type, long Amount, long BalanceAfter)
{
    /// <summary>Reads an event from its JSON.</summary>
    public static ReceivedEvent Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        string? id = null, subject = null, sequence = null, type = null;
        var (amount, balanceAfter) = (0L, 0L);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            // The fields of the event are at depth 1, those of its data at depth 2.
            switch (reader.CurrentDepth)
            {
                case 1 when reader.ValueTextEquals("id"u8):
                    id = ReadText(ref reader);
                    break;
                case 1 when reader.ValueTextEquals("subject"u8):
                    subject = ReadText(ref reader);
                    break;
                case 1 when reader.ValueTextEquals("sequence"u8):
                    sequence = ReadText(ref reader);
                    break;
                case 1 when reader.ValueTextEquals("type"u8):
                    type = ReadText(ref reader);
                    break;
                case 2 when reader.ValueTextEquals("amount"u8):
                    reader.Read();
                    amount = reader.GetInt64();
                    break;
                case 2 when reader.ValueTextEquals("balanceAfter"u8):
                    reader.Read();
                    balanceAfter = reader.GetInt64();
                    break;
            }
        }

        return new ReceivedEvent(Required(id), Required(subject), Required(sequence), Required(type), amount, balanceAfter);

        static string? ReadText(ref Utf8JsonReader reader)
        {
            reader.Read();
            return reader.GetString();
        }

        static string Required(string? text) => text ?? throw new JsonException("The event lacks an id, a subject, a sequence or a type.");
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

    /// <summary>Keeps an event, given as JSON, unless it is known.</summary>
    public void Add(ReadOnlySpan<byte> json)
    {
        var one = ReceivedEvent.Parse(json);
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
