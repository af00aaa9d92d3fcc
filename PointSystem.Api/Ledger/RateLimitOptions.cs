using Microsoft.Extensions.Options;

namespace PointSystem.Api.Ledger;

/// <summary>How often something may happen: as a token bucket, so at most <see cref="Requests"/> at once, and on average in each window.</summary>
internal sealed class RateLimit
{
    public const int RequestsMax = 10_000_000;

    public static readonly TimeSpan WindowMax = TimeSpan.FromDays(1);

    /// <summary>0 … 10,000,000; 0 is no limit.</summary>
    public int Requests { get; set; }

    /// <summary>In whole seconds, 1 s … 1 day. Default 1 s.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(1);

    public long WindowSeconds => (long)Window.TotalSeconds;

    public bool IsValid =>
        Requests is >= 0 and <= RequestsMax && Window >= TimeSpan.FromSeconds(1) && Window <= WindowMax && Window.Ticks % TimeSpan.TicksPerSecond == 0;
}

/// <summary>Limits of what one caller or one member can ask of this replica; section <c>RateLimits</c>.</summary>
internal sealed class RateLimitOptions
{
    public const string SectionName = "RateLimits";

    /// <summary>Requests of one client: of a token, or of an address if there is none. Default: no limit.</summary>
    public RateLimit Client { get; set; } = new();

    /// <summary>Requests for one member. Default: no limit.</summary>
    public RateLimit Member { get; set; } = new();

    /// <summary>
    /// Refusals of one caller that are stored for idempotency keys; beyond it, the caller's requests with keys are refused until the window ends.
    /// Default 20,000 in 10 minutes.
    /// </summary>
    public RateLimit RefusedKeys { get; set; } = new() { Requests = 20_000, Window = TimeSpan.FromMinutes(10) };

    /// <summary>
    /// Networks, such as <c>10.0.0.0/8</c>, of gateways that name the caller's address in <c>X-Forwarded-For</c>. Default: none; the loopback interface is
    /// always one.
    /// </summary>
    public IReadOnlyList<string> Proxies { get; set; } = [];
}

/// <summary>Checks the limits at start.</summary>
internal sealed class RateLimitOptionsValidator : IValidateOptions<RateLimitOptions>
{
    public ValidateOptionsResult Validate(string? name, RateLimitOptions options)
    {
        var failures = new List<string>();
        Check(options.Client, nameof(options.Client));
        Check(options.Member, nameof(options.Member));
        Check(options.RefusedKeys, nameof(options.RefusedKeys));
        failures.AddRange(options.Proxies.Where(network => !System.Net.IPNetwork.TryParse(network, out _))
            .Select(network => $"{RateLimitOptions.SectionName}:{nameof(options.Proxies)}: '{network}' is not a network such as 10.0.0.0/8."));
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Check(RateLimit limit, string setting)
        {
            if (!limit.IsValid)
            {
                failures.Add(
                    $"{RateLimitOptions.SectionName}:{setting}: Requests must be from 0 (no limit) to {RateLimit.RequestsMax}, "
                    + "and Window whole seconds from 00:00:01 to 1.00:00:00.");
            }
        }
    }
}
