using System.Diagnostics.Metrics;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Adds up the counters and histograms of one replica or one gateway.</summary>
internal sealed class MeterSums : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, double> _sums = new(StringComparer.Ordinal);

    public MeterSums(IMeterFactory factory, string meter = "PointSystem.Locking")
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == meter && ReferenceEquals(instrument.Meter.Scope, factory))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument.Name, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument.Name, value, tags));
        _listener.Start();
    }

    /// <summary>The sum so far, for example of <c>pointsystem.lock.acquire outcome=acquired</c>. Without a tag: over all tags.</summary>
    public long this[string counter]
    {
        get
        {
            lock (_sums)
            {
                return (long)_sums.GetValueOrDefault(counter);
            }
        }
    }

    /// <summary>Number of values that a histogram recorded.</summary>
    public long CountOf(string histogram) => this[histogram + " #"];

    public void Dispose() => _listener.Dispose();

    private void Add(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_sums)
        {
            Add(name, value);
            Add(name + " #", 1);
            foreach (var (tag, text) in tags)
            {
                Add($"{name} {tag}={text}", value);
            }
        }
    }

    private void Add(string key, double value) => _sums[key] = _sums.GetValueOrDefault(key) + value;
}
