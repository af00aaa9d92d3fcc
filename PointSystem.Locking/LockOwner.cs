using System.Diagnostics;

namespace PointSystem.Locking;

/// <summary>
/// Owner tokens. New for every attempt: with equal owners one attempt would release another's lock, and only a new owner distinguishes
/// our own ghost hold from another caller's lock. Readable: an operator who looks into the lock store sees which replica holds a key, and
/// for which trace.
/// </summary>
internal static class LockOwner
{
    /// <summary><c>{replica}/{trace id, or -}/{unique}</c>.</summary>
    public static string New(LockingOptions options) => $"{options.Holder}/{Activity.Current?.TraceId.ToHexString() ?? "-"}/{Guid.NewGuid():N}";
}
