using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Store;

namespace PointSystem.Locking;

/// <summary>
/// The metrics of the locks. The outcomes of <c>pointsystem.lock.acquire</c> sum to <c>pointsystem.lock.attempts</c>, exactly.
/// </summary>
internal sealed class LockMetrics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string SourceName = "PointSystem.Locking";

    public static readonly ActivitySource Activities = new(SourceName);

    /// <summary>
    /// Starts a span below another one, on a task that is not that one's. If that one is not sampled, it starts an activity which is no span, so that
    /// everything that is called from here is not sampled either: it would be a trace of its own.
    /// </summary>
    public static Activity? StartBelow(ActivityContext parent, string name, IEnumerable<ActivityLink>? links = null)
    {
        var activity = Activities.StartActivity(name, ActivityKind.Internal, parent, links: links);
        return activity is null && parent != default && Activities.HasListeners()
            ? new Activity(name).SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start()
            : activity;
    }

    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private static readonly InstrumentAdvice<long> Sizes = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] };

    private readonly Counter<long> _attempts;
    private readonly Counter<long> _acquire;
    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _hold;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _ghosts;
    private readonly Counter<long> _calls;
    private readonly Counter<long> _breakerChanges;
    private readonly Counter<long> _commands;
    private readonly Histogram<double> _queued;
    private readonly Histogram<long> _batchSize;
    private readonly Histogram<long> _batchKeys;
    private readonly Counter<double> _laneBusy;
    private volatile ICombiner[] _combiners = [];
    private readonly ILogger _logger;
    private int _breakerOpen;
    private int _failed;

    public LockMetrics(IMeterFactory meters, KeyedGate gate, ILogger<LockMetrics> logger)
    {
        _logger = logger;
        var meter = meters.Create(SourceName);
        _attempts = meter.CreateCounter<long>("pointsystem.lock.attempts", "{attempt}", "Lock acquisitions started.");
        _acquire = meter.CreateCounter<long>("pointsystem.lock.acquire", "{attempt}", "Lock acquisitions, by outcome.");
        _wait = meter.CreateHistogram("pointsystem.lock.wait.duration", "s", "Time from requesting a lock to the outcome.", advice: Seconds);
        _hold = meter.CreateHistogram("pointsystem.lock.hold.duration", "s", "Time from acquiring a lock to disposing it.", advice: Seconds);
        _lost = meter.CreateCounter<long>("pointsystem.lock.lost_leases", "{lease}", "Leases found lost at release.");
        _ghosts = meter.CreateCounter<long>("pointsystem.lock.ghosts", "{hold}", "Removed holds of attempts that got no answer.");
        _calls = meter.CreateCounter<long>("pointsystem.lock.store.calls", "{call}", "Calls to the lock store, by kind and result.");
        _breakerChanges = meter.CreateCounter<long>("pointsystem.lock.breaker.changes", "{change}", "Changes of the breaker's state.");
        _commands = meter.CreateCounter<long>("pointsystem.lock.commands", "{command}", "Commands through the queue, by outcome.");
        _queued = meter.CreateHistogram("pointsystem.lock.queue.duration", "s", "Time from a command's arrival to the start of its batch.", advice: Seconds);
        _batchSize = meter.CreateHistogram("pointsystem.lock.batch.size", "{command}", "Commands under one commit.", advice: Sizes);
        _batchKeys = meter.CreateHistogram("pointsystem.lock.batch.keys", "{key}", "Keys under one commit.", advice: Sizes);
        _laneBusy = meter.CreateCounter<double>("pointsystem.lock.lane.busy", "s", "Busy time of commit lanes.");
        meter.CreateObservableGauge(
            "pointsystem.lock.queue.length", () => QueueLengths(gate), "{caller}", "Waiting in memory: commands for a batch, leaders and jobs for a lock.");
        meter.CreateObservableGauge("pointsystem.lock.breaker.state", () => Volatile.Read(ref _breakerOpen), "{state}", "0 closed, 1 open.");
    }

    /// <summary>
    /// Creates every series with zero. Prometheus sees no increase in a counter that first appears with its first event, so the alert on
    /// a lost lease would miss the first one of every process.
    /// </summary>
    public void Announce(IEnumerable<string> operations)
    {
        foreach (var operation in operations)
        {
            _attempts.Add(0, Operation(operation));
            foreach (var outcome in LockOutcome.All)
            {
                _acquire.Add(0, Operation(operation), new("outcome", outcome));
            }
            _lost.Add(0, Operation(operation), new("status", nameof(UnlockStatus.DoesNotExist)));
            _lost.Add(0, Operation(operation), new("status", nameof(UnlockStatus.BelongsToOthers)));
        }
        _ghosts.Add(0);
        _breakerChanges.Add(0, new KeyValuePair<string, object?>("to", "open"));
        _breakerChanges.Add(0, new KeyValuePair<string, object?>("to", "closed"));
    }

    public void Observe(ICombiner combiner) => _combiners = [.. _combiners, combiner];

    public void Commanded(string outcome, long count) => Add(_commands, count, [new("outcome", outcome)]);

    public void Queued(string operation, TimeSpan waited) => Record(_queued, waited.TotalSeconds, [Operation(operation)]);

    public void Ran(int commands, int keys)
    {
        Record(_batchSize, commands, []);
        Record(_batchKeys, keys, []);
    }

    public void LaneBusy(int lane, TimeSpan busy) => Add(_laneBusy, busy.TotalSeconds, [new("lane", lane)]);

    public void Attempted(string operation) => Add(_attempts, 1, [Operation(operation)]);

    public void Finished(string operation, string outcome, TimeSpan waited)
    {
        Add(_acquire, 1, [Operation(operation), new("outcome", outcome)]);
        Record(_wait, waited.TotalSeconds, [Operation(operation), new("outcome", outcome)]);
    }

    public void Held(string operation, bool isFallback, TimeSpan held) =>
        Record(_hold, held.TotalSeconds, [Operation(operation), new("fallback", isFallback)]);

    public void LeaseLost(string operation, string status) => Add(_lost, 1, [Operation(operation), new("status", status)]);

    public void GhostRemoved() => Add(_ghosts, 1, []);

    public void Called(string call, string result) => Add(_calls, 1, [new("call", call), new("result", result)]);

    public void BreakerChanged(bool isOpen)
    {
        Volatile.Write(ref _breakerOpen, isOpen ? 1 : 0);
        Add(_breakerChanges, 1, [new("to", isOpen ? "open" : "closed")]);
    }

    // A metric listener runs on the reporting thread. Its exceptions must stop here: a leader, a lane or a release that failed because of
    // one would leave others waiting.
    private void Add<T>(Counter<T> counter, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        where T : struct
    {
        try
        {
            counter.Add(value, tags);
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            Failed(mistake);
        }
    }

    private void Record<T>(Histogram<T> histogram, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        where T : struct
    {
        try
        {
            histogram.Record(value, tags);
        }
        catch (Exception mistake) when (mistake is not OutOfMemoryException)
        {
            Failed(mistake);
        }
    }

    private void Failed(Exception mistake)
    {
        if (Interlocked.Exchange(ref _failed, 1) != 0)
        {
            return;
        }
        try
        {
            _logger.MetricListenerFailed(mistake);
        }
        catch (Exception worse) when (worse is not OutOfMemoryException)
        {
            // The logger may fail for the same reason, and there is nothing else to report to.
        }
    }

    private IEnumerable<Measurement<int>> QueueLengths(KeyedGate gate) =>
    [
        new(_combiners.Sum(combiner => combiner.Waiting), new KeyValuePair<string, object?>("queue", "commands")),
        new(gate.Waiting, new KeyValuePair<string, object?>("queue", "locks")),
    ];

    private static KeyValuePair<string, object?> Operation(string operation) => new("operation", operation);
}

/// <summary>Outcomes of a lock acquisition.</summary>
internal static class LockOutcome
{
    public const string Acquired = "acquired";
    public const string Contended = "contended";
    public const string TimedOut = "timed_out";
    public const string Fallback = "fallback";
    public const string Kept = "kept";
    public const string Queued = "queued";
    public const string Bypassed = "bypassed";
    public const string Cancelled = "cancelled";
    public const string RowOnly = "row_only";
    public const string Error = "error";

    public static IReadOnlyList<string> All { get; } = [Acquired, Kept, Contended, TimedOut, Fallback, Queued, Bypassed, Cancelled, RowOnly, Error];
}
