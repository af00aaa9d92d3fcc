using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Options;
using MimeKit;

namespace PointSystem.Notifications.Sending;

/// <summary>Sends e-mail over one connection, which stays open while there is something to send.</summary>
internal sealed class EmailSender(IOptions<EmailOptions> options, TimeProvider time) : INotificationSender, IDisposable
{
    private readonly EmailOptions _options = options.Value;
    private readonly MailboxAddress _from = MailboxAddress.Parse(options.Value.From!);
    private SmtpClient? _client;

    public string Channel => Channels.Email;

    public async Task<SendResult> SendAsync(Message message, CancellationToken cancellationToken)
    {
        if (!MailboxAddress.TryParse(message.Address, out var to))
        {
            return SendResult.Refused("the address is not one");
        }

        using var mail = Compose(message, to);
        if (_options.PickupDirectory is { Length: > 0 } directory)
        {
            return SendResult.Sent(await WriteAsync(mail, directory, cancellationToken));
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Timeout);
        try
        {
            var client = await ConnectAsync(limit.Token);
            return SendResult.Sent(await client.SendAsync(mail, limit.Token));
        }
        catch (SmtpCommandException refused)
        {
            // The connection stays usable, unless the server has said good-bye.
            var error = $"the mail server answered {(int)refused.StatusCode}: {refused.Message}";
            var isAboutThis = refused.ErrorCode is SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted;
            return refused.StatusCode == SmtpStatusCode.ServiceNotAvailable ? Away(error)
                : isAboutThis && (int)refused.StatusCode >= 500 ? SendResult.Refused(error)
                : SendResult.Failed(error);
        }
        catch (NotSupportedException) when (_client is { IsConnected: true })
        {
            return SendResult.Refused("the mail server cannot send to such an address");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Away(string.Create(CultureInfo.InvariantCulture, $"the mail server did not answer within {_options.Timeout.TotalSeconds:0.###} s"));
        }
        catch (Exception failure) when (IsAway(failure))
        {
            return Away($"the mail server could not be reached: {failure.Message}");
        }
    }

    public async Task RestAsync(CancellationToken cancellationToken)
    {
        if (_client is null)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Timeout);
        try
        {
            await _client.DisconnectAsync(quit: true, limit.Token);
        }
        catch (Exception failure) when (IsAway(failure) || failure is SmtpCommandException or OperationCanceledException)
        {
            // It is closed either way.
        }

        Close();
    }

    public void Dispose() => Close();

    private async Task<SmtpClient> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_client is { IsConnected: true } open)
        {
            return open;
        }

        Close();
        _client = new SmtpClient();
        await _client.ConnectAsync(_options.Host!, _options.Port, _options.Security, cancellationToken);
        if (!string.IsNullOrEmpty(_options.User))
        {
            await _client.AuthenticateAsync(_options.User, _options.Password ?? "", cancellationToken);
        }

        return _client;
    }

    private MimeMessage Compose(Message message, MailboxAddress to)
    {
        var notification = message.Notification;
        var mail = new MimeMessage
        {
            Subject = message.Subject,
            Date = time.GetUtcNow(),
            // The same in each repetition, so that a mail program can tell.
            MessageId = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{notification.Source} {notification.EventId}")))[..32]}@{_from.Domain}",
            Body = new TextPart("plain") { Text = message.Text },
        };
        mail.From.Add(_from);
        mail.To.Add(to);
        // No answering machine answers (RFC 3834).
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        return mail;
    }

    private static async Task<string> WriteAsync(MimeMessage mail, string directory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory);
        var file = Path.Combine(directory, $"{mail.MessageId!.Split('@')[0]}.eml");
        await mail.WriteToAsync(file, cancellationToken);
        return $"written to {file}";
    }

    private SendResult Away(string error)
    {
        Close();
        return SendResult.Away(error);
    }

    private void Close()
    {
        _client?.Dispose();
        _client = null;
    }

    private static bool IsAway(Exception failure) => failure is SocketException or IOException or ProtocolException or SslHandshakeException
        or MailKit.Security.AuthenticationException or ServiceNotConnectedException or ServiceNotAuthenticatedException or NotSupportedException;
}
