using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace PointSystem.Notifications.Sending;

/// <summary>How push messages are sent; section <c>Push</c>. It is off unless there is an address.</summary>
internal sealed class PushOptions
{
    public const string SectionName = "Push";

    /// <summary>The push service of the installation, which gets each message as a signed request. Default: none.</summary>
    public Uri? Url { get; set; }

    /// <summary>The secret that signs, <c>whsec_…</c> (Standard Webhooks). Required if there is an address.</summary>
    public string? Secret { get; set; }

    /// <summary>How long the service may take to answer. 100 ms … 1 minute; default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class PushOptionsValidator : IValidateOptions<PushOptions>
{
    private const string Prefix = "whsec_";

    public ValidateOptionsResult Validate(string? name, PushOptions options) =>
        options.Url is null ? ValidateOptionsResult.Success
        : options.Url is not { IsAbsoluteUri: true, Scheme: "http" or "https" }
            ? ValidateOptionsResult.Fail($"Push:Url: '{options.Url}' is not an address such as https://push.example.com/points.")
        : options.Secret?.StartsWith(Prefix, StringComparison.Ordinal) != true || !Convert.TryFromBase64String(options.Secret[Prefix.Length..], new byte[512], out var bytes) || bytes < 24
            ? ValidateOptionsResult.Fail("Push:Secret must be whsec_ and at least 24 random bytes in base64.")
        : ValidateOptionsResult.Success;
}
