using System.Diagnostics;

namespace PointSystem.Locking;

/// <summary>
/// Owner tokens. New for every attempt: equal owners would free each other's lock, and only a new one tells our own
/// ghost from a neighbour. Readable, so that an operator who looks into the lock store sees which replica holds a key, and for which trace.
/// </summary>
internal static class LockOwner
{
    /// <summary><c>{replica}/{trace id, or -}/{unique}</c>.</summary>
    public static string New(LockingOptions options) => $"{options.Holder}/{Activity.Current?.TraceId.ToHexString() ?? "-"}/{Guid.NewGuid():N}";
}
