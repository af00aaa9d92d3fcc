using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using MimeKit;
using SmtpServer;
using SmtpServer.ComponentModel;
using SmtpServer.Mail;
using SmtpServer.Protocol;
using SmtpServer.Storage;

namespace PointSystem.Tests.Notifications;

/// <summary>An SMTP server that keeps what it accepts, and answers as it is told.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly ConcurrentQueue<MimeMessage> _mails = new();
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private MailServer(int port) => Port = port;

    public int Port { get; }

    /// <summary>Answers a message; may wait. Default: accepts it.</summary>
    public Func<MimeMessage, Task<SmtpResponse>> Answer { get; set; } = _ => Task.FromResult(SmtpResponse.Ok);

    /// <summary>Whether a mailbox exists. Default: every one does.</summary>
    public Func<string, bool> Exists { get; set; } = _ => true;

    /// <summary>What was accepted, in order.</summary>
    public IReadOnlyList<MimeMessage> Mails => [.. _mails];

    public static MailServer Start()
    {
        var server = new MailServer(Ports.Next());
        server.Start(server.Port);
        return server;
    }

    /// <summary>The mails to an address, in order.</summary>
    public List<MimeMessage> To(string address) => [.. _mails.Where(mail => mail.To.Mailboxes.Single().Address == address)];

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Starts it again on its port.</summary>
    public void Restart() => Start(Port);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private void Start(int port)
    {
        _stop = new CancellationTokenSource();
        var services = new ServiceProvider();
        services.Add(new Store(this));
        services.Add(new Mailboxes(this));
        var endpoint = new EndpointDefinitionBuilder().Endpoint(new IPEndPoint(IPAddress.Loopback, port)).Build();
        _running = new SmtpServer.SmtpServer(new SmtpServerOptionsBuilder().ServerName("localhost").Endpoint(endpoint).Build(), services).StartAsync(_stop.Token);
    }

    private sealed class Store(MailServer server) : MessageStore
    {
        public override async Task<SmtpResponse> SaveAsync(
            ISessionContext context, IMessageTransaction transaction, ReadOnlySequence<byte> buffer, CancellationToken cancellationToken)
        {
            var mail = await MimeMessage.LoadAsync(new MemoryStream(buffer.ToArray()), cancellationToken);
            var answer = await server.Answer(mail);
            if (answer.ReplyCode == SmtpReplyCode.Ok)
            {
                server._mails.Enqueue(mail);
            }

            return answer;
        }
    }

    private sealed class Mailboxes(MailServer server) : MailboxFilter
    {
        public override Task<bool> CanDeliverToAsync(ISessionContext context, IMailbox to, IMailbox from, CancellationToken cancellationToken) =>
            Task.FromResult(server.Exists($"{to.User}@{to.Host}"));
    }
}
