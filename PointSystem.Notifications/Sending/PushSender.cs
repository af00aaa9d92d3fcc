using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using PointSystem.ServiceDefaults;
using StandardWebhooks;

namespace PointSystem.Notifications.Sending;

/// <summary>
/// Sends push messages to a service of the installation, which knows the member's device: a POST request for each, signed by the Standard Webhooks
/// specification. The operator names that service, so it may have any address.
/// </summary>
internal sealed class PushSender : INotificationSender, IDisposable
{
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);
    private static readonly MediaTypeHeaderValue ContentType = new("application/json") { CharSet = "utf-8" };

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = ConnectionLifetime,
    });

    private readonly PushOptions _options;
    private readonly TimeProvider _time;
    private readonly StandardWebhook _signature;

    public PushSender(IOptions<PushOptions> options, TimeProvider time)
    {
        (_options, _time) = (options.Value, time);
        _signature = new StandardWebhook(_options.Secret!);
    }

    public string Channel => Channels.Push;

    public async Task<SendResult> SendAsync(Message message, CancellationToken cancellationToken)
    {
        var notification = message.Notification;
        var body = new JsonObject
        {
            ["memberId"] = notification.MemberId,
            ["pushToken"] = message.Address,
            ["title"] = message.Subject,
            ["body"] = message.Text,
            ["eventType"] = notification.EventType,
            ["eventId"] = notification.EventId,
            ["occurredAt"] = notification.OccurredAt,
        }.ToJsonString();
        var (id, now) = ($"push-{notification.EventId}", _time.GetUtcNow());
        using var request = new HttpRequestMessage(HttpMethod.Post, _options.Url) { Content = new StringContent(body, Encoding.UTF8, ContentType) };
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", _signature.Sign(id, now, body));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Timeout);
        try
        {
            using var response = await _client.SendAsync(request, limit.Token);
            var status = (int)response.StatusCode;
            var error = string.Create(CultureInfo.InvariantCulture, $"the push service answered {status}");
            return status switch
            {
                >= 200 and < 300 => SendResult.Sent(string.Create(CultureInfo.InvariantCulture, $"{status}")),
                // The device is gone, or the request can never be right.
                400 or 404 or 410 or 413 or 422 => SendResult.Refused(error),
                503 => SendResult.Away(error),
                _ => SendResult.Failed(error, RetryAfter.Of(response.Headers.RetryAfter, now)),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return SendResult.Failed(string.Create(CultureInfo.InvariantCulture, $"no answer within {_options.Timeout.TotalSeconds:0.###} s"));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or SocketException)
        {
            return SendResult.Away($"the push service could not be reached: {failure.Message}");
        }
    }

    public Task RestAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _client.Dispose();
}
