using System.Diagnostics.Metrics;

namespace PointSystem.Api.Caching;

/// <summary>What became of a balance on its way into the cache.</summary>
internal enum CacheWrite
{
    /// <summary>It is in the cache.</summary>
    Stored,

    /// <summary>The cache had a newer one.</summary>
    Older,

    /// <summary>The cache refused it or did not answer.</summary>
    Failed,

    /// <summary>Too many were waiting.</summary>
    Dropped,
}

/// <summary>What a replica with a balance cache measures, besides the reads that are answered from it.</summary>
internal sealed class CacheMetrics : IHostedService
{
    private readonly Counter<long> _writes;
    private readonly Counter<long> _loads;
    private readonly Histogram<double> _age;

    public CacheMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("PointSystem.Api");
        _writes = meter.CreateCounter<long>("pointsystem.cache.writes", "{write}", "Balances sent to the cache, by what became of them");
        _loads = meter.CreateCounter<long>("pointsystem.cache.loads", "{load}", "Balances read from the database for the cache");
        _age = meter.CreateHistogram(
            "pointsystem.cache.age", "s", "Age of balances that were served from the cache",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60] });
    }

    public void Wrote(CacheWrite outcome, long values = 1) => _writes.Add(values, new KeyValuePair<string, object?>("outcome", outcome switch
    {
        CacheWrite.Stored => "stored",
        CacheWrite.Older => "older",
        CacheWrite.Failed => "failed",
        _ => "dropped",
    }));

    public void Loaded(long loads = 1) => _loads.Add(loads);

    public void Served(TimeSpan age) => _age.Record(age.TotalSeconds);

    /// <summary>Reports every counter with 0: Prometheus sees no increase in a counter that appears with its first event.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var outcome in Enum.GetValues<CacheWrite>())
        {
            Wrote(outcome, 0);
        }

        Loaded(0);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
