using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>Options of webhooks; section <c>Webhooks</c>.</summary>
internal sealed class WebhookOptions
{
    public const string SectionName = "Webhooks";

    /// <summary>
    /// Networks in CIDR notation, such as <c>10.1.0.0/16</c>, whose addresses receivers may have although they are not public, and to which plain
    /// HTTP is allowed. Default: none.
    /// </summary>
    public IList<string> AllowedNetworks { get; } = [];

    /// <summary>Maximum number of endpoints, 1 … 1,000; default 50.</summary>
    [Range(1, 1_000)]
    public int EndpointsMax { get; set; } = 50;

    /// <summary>How long a receiver may take to answer. 100 ms … 1 minute; default 15 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Requests at a time to one endpoint, each of another member, 1 … 100; default 8. One, while the endpoint fails.</summary>
    [Range(1, 100)]
    public int Concurrency { get; set; } = 8;

    /// <summary>
    /// Events of one endpoint that wait for their delivery at most, 1,000 … 1,000,000; default 10,000. Further ones stay in the ledger until there
    /// is room.
    /// </summary>
    [Range(1_000, 1_000_000)]
    public int BacklogMax { get; set; } = 10_000;

    /// <summary>
    /// The waits before each repetition, of which up to a quarter more is added at random; after the last one an event is a dead letter. Each 10 ms … 7
    /// days. Default: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    /// </summary>
    public IList<TimeSpan> RetryWaits { get; } = [];

    /// <summary>How long delivered events and dead letters stay in the log. 1 hour … 1 year; default 30 days.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "366.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(30);

    /// <summary><see cref="RetryWaits"/>, or its default.</summary>
    internal IReadOnlyList<TimeSpan> Waits => RetryWaits.Count > 0 ? [.. RetryWaits] : DefaultWaits;

    // Those of the Standard Webhooks specification.
    private static readonly TimeSpan[] DefaultWaits =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5),
        TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class WebhookOptionsValidator : IValidateOptions<WebhookOptions>
{
    private static readonly TimeSpan WaitMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan WaitMax = TimeSpan.FromDays(7);

    public ValidateOptionsResult Validate(string? name, WebhookOptions options)
    {
        foreach (var network in options.AllowedNetworks)
        {
            if (!IPNetwork.TryParse(network, out _))
            {
                return ValidateOptionsResult.Fail($"Webhooks:AllowedNetworks: '{network}' is not a network such as 10.1.0.0/16.");
            }
        }

        return options.RetryWaits.Any(wait => wait < WaitMin || wait > WaitMax)
            ? ValidateOptionsResult.Fail("Webhooks:RetryWaits: each wait must be from 00:00:00.01 to 7.00:00:00.")
            : ValidateOptionsResult.Success;
    }
}
