namespace PointSystem.ServiceDefaults;

/// <summary>
/// How a service stops: first <see cref="Delay"/>, in which it reports that it is not ready, then at most <see cref="Timeout"/> to
/// finish.
/// </summary>
public sealed class DrainOptions
{
    public const string SectionName = "Drain";

    /// <summary>Maximum delay.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(1);

    /// <summary>Maximum timeout.</summary>
    public static readonly TimeSpan TimeoutMax = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long requests are still accepted after "ready" has turned to 503, so that load balancers notice first. Ctrl+C (SIGINT) skips
    /// it. 0 … 1 minute, default 0.
    /// </summary>
    public TimeSpan Delay { get; set; }

    /// <summary>
    /// How long requests, batches and locks may take to finish once nothing more is accepted; then the process ends anyway. 1 s … 5
    /// minutes, default 20 s.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);
}
