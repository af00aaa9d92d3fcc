namespace PointSystem.Locking;

/// <summary>
/// Owner tokens. New for every attempt: with equal owners one attempt would release another's lock, and only a new owner distinguishes
/// our own ghost hold from another caller's lock.
/// </summary>
internal static class LockOwner
{
    public static string New() => Guid.NewGuid().ToString("N");
}
