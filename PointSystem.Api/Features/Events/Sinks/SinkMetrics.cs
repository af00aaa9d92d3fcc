using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>What the replica that publishes events measures.</summary>
internal sealed class SinkMetrics
{
    private readonly Counter<long> _published;
    private readonly Counter<long> _failures;
    private readonly ConcurrentDictionary<string, long> _behindSince = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;

    public SinkMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create("PointSystem.Api");
        _published = meter.CreateCounter<long>("pointsystem.events.published", "{event}", "Events that a broker has confirmed");
        _failures = meter.CreateCounter<long>("pointsystem.events.publish_failures", "{failure}", "Attempts to publish events that failed");
        meter.CreateObservableGauge(
            "pointsystem.events.sink_lag", Measure, "s", "Time since a broker had every event; reported by the replica that publishes");
    }

    /// <summary>Starts or continues to report a sink that lacks events, or may.</summary>
    public void IsBehind(string sink) => _behindSince.AddOrUpdate(sink, _ => _time.GetTimestamp(), (_, since) => since == 0 ? _time.GetTimestamp() : since);

    /// <summary>Reports that a sink has every event.</summary>
    public void HasAll(string sink) => _behindSince[sink] = 0;

    /// <summary>Ends the reports: another replica publishes now, or none does.</summary>
    public void Forget(string sink) => _behindSince.TryRemove(sink, out _);

    public void Published(string sink) => _published.Add(1, Of(sink));

    public void Failed(string sink) => _failures.Add(1, Of(sink));

    /// <summary>Reports a sink with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public void Begin(string sink)
    {
        _published.Add(0, Of(sink));
        _failures.Add(0, Of(sink));
    }

    private static KeyValuePair<string, object?> Of(string sink) => new("sink", sink);

    private IEnumerable<Measurement<double>> Measure() => _behindSince.Select(one =>
        new Measurement<double>(one.Value == 0 ? 0 : _time.GetElapsedTime(one.Value).TotalSeconds, Of(one.Key)));
}
