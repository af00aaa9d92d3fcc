using Microsoft.Extensions.Options;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;

namespace PointSystem.Locking;

/// <summary>State of this replica's locks, for operators.</summary>
public sealed class LockMonitor
{
    private readonly KeyedGate _gate;
    private readonly LockBreaker _breaker;

    private readonly ICombiner[] _combiners;

    internal LockMonitor(KeyedGate gate, LockBreaker breaker, IOptions<LockingOptions> options, IEnumerable<ICombiner> combiners)
    {
        _combiners = [.. combiners];
        _gate = gate;
        _breaker = breaker;
        Mode = options.Value.Mode;
    }

    /// <summary>The mode of the options; an <see cref="ILockModeSource"/> may override it at run time.</summary>
    public LockMode Mode { get; }

    /// <summary>True while the breaker is open: writes go on under the row lock alone.</summary>
    public bool IsFallback => _breaker.IsOpen;

    /// <summary>
    /// Why the breaker is open, as a short name such as <c>timeout</c> or <c>sidecar-unavailable</c>; null while it is closed.
    /// </summary>
    public string? FallbackReason => _breaker.Reason;

    /// <summary>Leaders and jobs of this replica that wait in memory for a lock, over all keys.</summary>
    public int Waiting => _gate.Waiting;

    /// <summary>The state of each combining executor.</summary>
    /// <param name="keysMax">Maximum number of keys to list.</param>
    public IReadOnlyList<CombiningSnapshot> Combining(int keysMax) => [.. _combiners.Select(combiner => combiner.Snapshot(keysMax))];

    /// <summary>Keys that a caller of this replica holds or waits for.</summary>
    public int ActiveKeys => _gate.ActiveKeys;
}
