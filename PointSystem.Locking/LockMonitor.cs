using Microsoft.Extensions.Options;
using PointSystem.Locking.Queue;
using PointSystem.Locking.Resilience;

namespace PointSystem.Locking;

/// <summary>What an operator may ask of this replica's locks.</summary>
public sealed class LockMonitor
{
    private readonly KeyedGate _gate;
    private readonly LockBreaker _breaker;

    internal LockMonitor(KeyedGate gate, LockBreaker breaker, IOptions<LockingOptions> options)
    {
        _gate = gate;
        _breaker = breaker;
        Mode = options.Value.Mode;
    }

    /// <summary>Whether locks are taken in front of the row lock.</summary>
    public LockMode Mode { get; }

    /// <summary>True while the breaker is open: writes go on under the row lock alone.</summary>
    public bool IsFallback => _breaker.IsOpen;

    /// <summary>Why the breaker is open, as a short name such as <c>timeout</c> or <c>sidecar-unavailable</c>; null while it is closed.</summary>
    public string? FallbackReason => _breaker.Reason;

    /// <summary>Callers of this replica that wait in memory, over all keys.</summary>
    public int Waiting => _gate.Waiting;

    /// <summary>Keys of this replica that somebody holds or waits for.</summary>
    public int ActiveKeys => _gate.ActiveKeys;
}
