namespace PointSystem.ServiceDefaults;

/// <summary>
/// How a service ends: <see cref="Delay"/> in which it reports that it is not ready, then at most <see cref="Timeout"/>
/// in which it finishes.
/// </summary>
public sealed class DrainOptions
{
    public const string SectionName = "Drain";

    /// <summary>Longest delay.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(1);

    /// <summary>Longest timeout.</summary>
    public static readonly TimeSpan TimeoutMax = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long requests are still taken after "ready" has turned to 503, so that balancers notice first. Ctrl+C (SIGINT) skips it.
    /// 0 … 1 minute, default 0.
    /// </summary>
    public TimeSpan Delay { get; set; }

    /// <summary>
    /// How long requests, batches and locks may take to finish once nothing more is accepted; then the process ends all the same.
    /// 1 s … 5 minutes, default 20 s.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);
}
