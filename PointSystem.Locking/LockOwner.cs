namespace PointSystem.Locking;

/// <summary>
/// Owner tokens. New for every attempt: equal owners would free each other's lock, and only a new one tells our own
/// ghost from a neighbour.
/// </summary>
internal static class LockOwner
{
    public static string New() => Guid.NewGuid().ToString("N");
}
