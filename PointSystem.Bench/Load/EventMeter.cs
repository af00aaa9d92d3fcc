using System.Buffers.Text;
using System.Text.Json;

namespace PointSystem.Bench.Load;

/// <summary>
/// Receives events at little cost, because it runs beside the load that it should not slow down: it keeps no event, only the last sequence of each member,
/// by which it knows what comes again or too late.
/// </summary>
internal sealed class EventMeter
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, long> _last = [];
    private List<double> _lags = [];
    private int _count;
    private int _notNew;

    /// <summary>Number of events so far.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Number of events of members that came again, or after a later one of the same member.</summary>
    public int NotNew => Volatile.Read(ref _notNew);

    /// <summary>The times from the events to their arrival, in milliseconds, of those that have arrived since the last call.</summary>
    public IReadOnlyList<double> TakeLags()
    {
        lock (_gate)
        {
            var lags = _lags;
            _lags = [];
            return lags;
        }
    }

    /// <summary>Receives an event.</summary>
    public void Add(ReadOnlySpan<byte> json)
    {
        var (member, sequence, time) = Read(json);
        var lag = (TimeProvider.System.GetUtcNow() - time).TotalMilliseconds;
        lock (_gate)
        {
            _count++;
            _lags.Add(lag);
            // Only events of the ledger have a number as sequence.
            if (member > 0 && sequence > 0)
            {
                _notNew += _last.GetValueOrDefault(member) >= sequence ? 1 : 0;
                _last[member] = sequence;
            }
        }
    }

    /// <summary>Reads the fields that are needed, and no further. What is not a number is 0.</summary>
    private static (long Member, long Sequence, DateTimeOffset Time) Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var (member, sequence, time) = (0L, 0L, default(DateTimeOffset));
        for (var missing = 3; missing > 0 && reader.Read();)
        {
            // Fields of the event, not of its data.
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
            {
                continue;
            }

            if (reader.ValueTextEquals("subject"u8))
            {
                member = ReadNumber(ref reader);
                missing--;
            }
            else if (reader.ValueTextEquals("sequence"u8))
            {
                sequence = ReadNumber(ref reader);
                missing--;
            }
            else if (reader.ValueTextEquals("time"u8))
            {
                reader.Read();
                time = reader.GetDateTimeOffset();
                missing--;
            }
        }

        return (member, sequence, time);

        static long ReadNumber(ref Utf8JsonReader reader)
        {
            reader.Read();
            return Utf8Parser.TryParse(reader.ValueSpan, out long number, out var length) && length == reader.ValueSpan.Length ? number : 0;
        }
    }
}
