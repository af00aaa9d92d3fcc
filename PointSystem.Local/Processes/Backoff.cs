namespace PointSystem.Local.Processes;

/// <summary>
/// The delay before a child process is restarted: 250 ms, doubling up to 10 s, back to 250 ms after it has run for 30 s.
/// </summary>
internal sealed class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Last = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan WellFor = TimeSpan.FromSeconds(30);
    private TimeSpan _next = First;

    /// <param name="ran">How long the process ran before it ended.</param>
    public TimeSpan Next(TimeSpan ran)
    {
        var wait = ran >= WellFor ? First : _next;
        _next = wait * 2 < Last ? wait * 2 : Last;
        return wait;
    }
}
