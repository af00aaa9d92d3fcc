using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using PointSystem.Api.Features.Events;
using PointSystem.ServiceDefaults;
using StandardWebhooks;

namespace PointSystem.Api.Features.Webhooks;

/// <summary>What came of one request to a receiver.</summary>
/// <param name="Status">The status of its answer; null if there was none.</param>
/// <param name="Error">Why the event counts as not delivered; null if it was delivered.</param>
/// <param name="RetryAfter">How long the receiver wants to be left alone.</param>
internal sealed record WebhookAnswer(int? Status, string? Error, TimeSpan RetryAfter = default)
{
    public bool IsDelivered => Error is null;

    /// <summary>The receiver wants nothing more.</summary>
    public bool IsGone => Status == (int)HttpStatusCode.Gone;
}

/// <summary>Sends events by the Standard Webhooks specification 1.0: signed, without following redirects, and only where it is allowed.</summary>
internal sealed class WebhookSender : IDisposable
{
    /// <summary>Maximum length of a payload in bytes; the specification recommends less than 20 kB.</summary>
    public const int BytesMax = 20_000;

    private const int HeaderKilobytesMax = 16;
    private const int DrainedBytesMax = 4096;
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);
    private static readonly MediaTypeHeaderValue ContentType = new(CloudEvent.MediaType) { CharSet = "utf-8" };
    private static readonly ProductInfoHeaderValue UserAgent = new("PointSystem-Webhooks", "1");

    private readonly HttpMessageInvoker _client;
    private readonly TimeProvider _time;
    private readonly TimeSpan _timeout;

    public WebhookSender(WebhookTargets targets, TimeProvider time, IOptions<WebhookOptions> options)
    {
        (_time, _timeout) = (time, options.Value.Timeout);
        _client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = targets.ConnectAsync,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            // Receivers are not part of our traces.
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = options.Value.Concurrency,
            PooledConnectionLifetime = ConnectionLifetime,
            MaxResponseHeadersLength = HeaderKilobytesMax,
            MaxResponseDrainSize = DrainedBytesMax,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        });
    }

    /// <summary>The JSON of an event. If it would exceed <see cref="BytesMax"/>, it has fewer details; their total says so.</summary>
    public static byte[] Serialize(CloudEvent happened)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(happened, PointJsonContext.Wire.CloudEvent);
        while (json.Length > BytesMax && happened.Data.Details is { Count: > 0 } details)
        {
            happened = happened.WithDetails(details.Count / 2);
            json = JsonSerializer.SerializeToUtf8Bytes(happened, PointJsonContext.Wire.CloudEvent);
        }

        return json;
    }

    /// <summary>Sends one message once.</summary>
    /// <param name="url">The receiver.</param>
    /// <param name="secrets">The secrets, each of which signs.</param>
    /// <param name="id">The id of the message, the same in each repetition.</param>
    /// <param name="payload">JSON in UTF-8.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task<WebhookAnswer> SendAsync(
        string url, IEnumerable<string> secrets, string id, byte[] payload, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(payload) };
        request.Content.Headers.ContentType = ContentType;
        request.Headers.UserAgent.Add(UserAgent);
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var text = Encoding.UTF8.GetString(payload);
        request.Headers.Add("webhook-signature", string.Join(' ', secrets.Select(secret => new StandardWebhook(secret).Sign(id, now, text))));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_timeout);
        try
        {
            using var response = await _client.SendAsync(request, limit.Token);
            var status = (int)response.StatusCode;
            return status is >= 200 and < 300
                ? new WebhookAnswer(status, null)
                : new WebhookAnswer(status, Describe(status), RetryAfter.Of(response.Headers.RetryAfter, now));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new WebhookAnswer(null, FormattableString.Invariant($"no answer within {_timeout.TotalSeconds:0.###} s"));
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or SocketException or AuthenticationException)
        {
            return new WebhookAnswer(null, Describe(failure));
        }
    }

    public void Dispose() => _client.Dispose();

    private static string Describe(int status) => status switch
    {
        (int)HttpStatusCode.Gone => "the receiver wants no more events (410)",
        >= 300 and < 400 => FormattableString.Invariant($"the receiver answered {status}; redirects are not followed"),
        _ => FormattableString.Invariant($"the receiver answered {status}"),
    };

    private static string Describe(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException!)
        {
            switch (cause)
            {
                case var refused when WebhookTargets.IsRefusal(refused):
                    return cause.Message;
                case SocketException socket:
                    return $"connection failed: {socket.SocketErrorCode}";
                case AuthenticationException:
                    return "the receiver's certificate is not valid";
            }
        }

        return failure is HttpRequestException { HttpRequestError: not HttpRequestError.Unknown and var error } ? $"connection failed: {error}" : "connection lost";
    }
}
