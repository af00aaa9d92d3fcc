using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PointSystem.Notifications.Feed;

/// <summary>Where events come from; section <c>Feed</c>.</summary>
internal sealed class FeedOptions
{
    public const string SectionName = "Feed";

    /// <summary>The address of the API, or of its gateway. Default <c>http://gateway</c>, which service discovery can resolve.</summary>
    [Required]
    public Uri Address { get; set; } = new("http://gateway");

    /// <summary>A bearer token with the right <c>points:events</c>. Default: none; then a token is asked for at <see cref="TokenAddress"/>, if that is set.</summary>
    public string? Token { get; set; }

    /// <summary>The token endpoint of the OpenID provider, where a token is got by client credentials (RFC 6749, section 4.4).</summary>
    public Uri? TokenAddress { get; set; }

    /// <summary>The client at the provider.</summary>
    public string? ClientId { get; set; }

    /// <summary>Its secret.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>The scope to ask for. Default: none.</summary>
    public string? Scope { get; set; }

    /// <summary>Time between two questions while there are no new events. 100 ms … 10 minutes; default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait after failures. 100 ms … 1 hour; default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class FeedOptionsValidator : IValidateOptions<FeedOptions>
{
    public ValidateOptionsResult Validate(string? name, FeedOptions options) =>
        options.Address is not { IsAbsoluteUri: true }
            ? ValidateOptionsResult.Fail($"Feed:Address: '{options.Address}' is not an address such as https://points.example.com.")
        : options.TokenAddress is { IsAbsoluteUri: false }
            ? ValidateOptionsResult.Fail($"Feed:TokenAddress: '{options.TokenAddress}' is not an address such as https://login.example.com/token.")
        : options.TokenAddress is not null && (string.IsNullOrEmpty(options.ClientId) || string.IsNullOrEmpty(options.ClientSecret))
            ? ValidateOptionsResult.Fail("Feed:TokenAddress needs Feed:ClientId and Feed:ClientSecret.")
        : options.TokenAddress is not null && !string.IsNullOrEmpty(options.Token)
            ? ValidateOptionsResult.Fail("Feed:Token and Feed:TokenAddress exclude each other.")
        : ValidateOptionsResult.Success;
}
