using System.ComponentModel.DataAnnotations;
using MailKit.Security;
using Microsoft.Extensions.Options;
using MimeKit;

namespace PointSystem.Notifications.Sending;

/// <summary>How e-mail is sent; section <c>Email</c>. It is off unless there is a host or a directory.</summary>
internal sealed class EmailOptions
{
    public const string SectionName = "Email";

    /// <summary>The mail server. Default: none.</summary>
    public string? Host { get; set; }

    /// <summary>Its port. Default 587.</summary>
    [Range(1, 65535)]
    public int Port { get; set; } = 587;

    /// <summary>
    /// How the connection is encrypted: <c>StartTls</c> (default), <c>SslOnConnect</c>, <c>StartTlsWhenAvailable</c>, or <c>None</c> inside a trusted network only.
    /// </summary>
    public SecureSocketOptions Security { get; set; } = SecureSocketOptions.StartTls;

    /// <summary>The user at the mail server. Default: none.</summary>
    public string? User { get; set; }

    /// <summary>Its password.</summary>
    public string? Password { get; set; }

    /// <summary>The sender, such as <c>Example Shop &lt;points@shop.example.com&gt;</c>. Required if e-mail is sent.</summary>
    public string? From { get; set; }

    /// <summary>Where messages are written as files instead, for trying them out. Default: none.</summary>
    public string? PickupDirectory { get; set; }

    /// <summary>How long the server may take for one step. 1 s … 1 minute; default 20 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);

    internal bool IsOn => !string.IsNullOrEmpty(Host) || !string.IsNullOrEmpty(PickupDirectory);
}

/// <summary>Checks at start what attributes cannot.</summary>
internal sealed class EmailOptionsValidator : IValidateOptions<EmailOptions>
{
    public ValidateOptionsResult Validate(string? name, EmailOptions options) =>
        !options.IsOn ? ValidateOptionsResult.Success
        : !string.IsNullOrEmpty(options.Host) && !string.IsNullOrEmpty(options.PickupDirectory)
            ? ValidateOptionsResult.Fail("Email:Host and Email:PickupDirectory exclude each other.")
        : !MailboxAddress.TryParse(options.From ?? "", out _)
            ? ValidateOptionsResult.Fail($"Email:From: '{options.From}' is not an address such as Example Shop <points@shop.example.com>.")
        : ValidateOptionsResult.Success;
}
