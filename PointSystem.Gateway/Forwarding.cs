using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using PointSystem.ServiceDefaults;
using Yarp.ReverseProxy.Forwarder;

namespace PointSystem.Gateway;

/// <summary>Sends each request to a replica, and to another one if the first could not answer and a repetition is safe.</summary>
/// <param name="forwarder">Sends one request.</param>
/// <param name="balancer">Chooses the replica.</param>
/// <param name="options">How the replica is chosen.</param>
/// <param name="isTraced">Whether the gateway's own spans are recorded.</param>
/// <param name="logger">Gets the reason if a request could not be answered.</param>
internal sealed class Forwarding(
    IHttpForwarder forwarder, LoadBalancer balancer, GatewayOptions options, bool isTraced, ILogger<Forwarding> logger) : IDisposable
{
    // Longer than the API's own limits (a wait of 5 s for a lock, and the work after it).
    private static readonly ForwarderRequestConfig Config = new() { ActivityTimeout = TimeSpan.FromSeconds(30), Version = HttpVersion.Version11 };

    private readonly HttpMessageInvoker _client = new(new NoSilentRetryHandler(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        // Together with the same setting of Kestrel, every byte of a header is passed on unchanged.
        RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        AutomaticDecompression = DecompressionMethods.None,
        // If the gateway's own spans are not recorded, the caller's traceparent is passed on unchanged: a parent span that was never
        // recorded would split the trace.
        ActivityHeadersPropagator = isTraced ? new ReverseProxyPropagator(DistributedContextPropagator.Current) : null,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
    }));

    public async Task HandleAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments(TelemetryOptions.MetricsPath, StringComparison.OrdinalIgnoreCase))
        {
            // The metrics of each replica are for operators only: Prometheus scrapes the replicas directly.
            await GatewayProblems.NotFoundAsync(context);
            return;
        }
        // Nothing here upgrades connections, and YARP would send a request that asks for it as GET, whatever its method is.
        context.Features.Set<IHttpUpgradeFeature>(null);
        byte[]? body;
        try
        {
            body = await RequestBody.ReadAsync(context);
        }
        catch (IOException e)
        {
            // The size of a chunk that is no 32-bit number is an IOException and nothing more.
            await ((e as BadHttpRequestException)?.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => GatewayProblems.TooLargeAsync(context),
                StatusCodes.Status408RequestTimeout => GatewayProblems.TooSlowAsync(context),
                _ => GatewayProblems.UnreadableAsync(context),
            });
            return;
        }
        if (body is not null)
        {
            // Its length is known now. In chunks, the frames count for the replica's limit, beyond which it closes the connection after an answer
            // for which it has not read the body: the next request on it, of any caller, would be lost.
            context.Request.Headers.Remove(HeaderNames.TransferEncoding);
            context.Request.ContentLength = body.Length;
        }
        var repeatable = RetryRules.IsRepeatable(context.Request);
        var member = options.Affinity == Affinity.Member ? RequestMember.Find(context.Request.Path, body) : null;
        var tried = new List<Upstream>();
        var wasSent = false;
        while (balancer.Next(member, tried) is { } upstream)
        {
            tried.Add(upstream);
            var attempt = await SendAsync(context, upstream, member, body, repeatable);
            if (attempt.Error == ForwarderError.None || context.RequestAborted.IsCancellationRequested)
            {
                return;
            }
            if (attempt.Error == ForwarderError.RequestCreation)
            {
                // The gateway could not create the request, so no replica has received it.
                await GatewayProblems.CannotBeForwardedAsync(context);
                return;
            }
            var nothingSent = RetryRules.NothingWasSent(attempt.Failure);
            if (nothingSent)
            {
                upstream.Set(UpstreamState.Down);
            }
            wasSent |= !nothingSent;
            if (context.Response.HasStarted || !(repeatable || nothingSent))
            {
                logger.Lost(
                    context.Request.Method, upstream.Name, attempt.Error, attempt.Failure?.GetBaseException().Message ?? "no exception",
                    Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier);
                await (attempt.Error == ForwarderError.RequestTimedOut ? GatewayProblems.TimedOutAsync(context) : GatewayProblems.BrokenAsync(context));
                return;
            }
            Reset(context);
        }
        await (wasSent ? GatewayProblems.BrokenAsync(context) : GatewayProblems.NoReplicaAsync(context));
    }

    public void Dispose() => _client.Dispose();

    private static void Reset(HttpContext context)
    {
        context.Response.Clear();
        context.Features.Set<IForwarderErrorFeature>(null);
    }

    private async Task<(ForwarderError Error, Exception? Failure)> SendAsync(
        HttpContext context, Upstream upstream, long? member, byte[]? body, bool repeatable)
    {
        if (body is not null)
        {
            context.Request.Body = new MemoryStream(body, writable: false);
        }
        // A repeatable request does not wait for a replica that hangs. Another request cannot be sent elsewhere, so it waits.
        var giveUp = repeatable ? upstream.Usable : CancellationToken.None;
        try
        {
            var error = await forwarder.SendAsync(
                context, upstream.Url.GetLeftPart(UriPartial.Authority), _client, Config, new ReplicaTransformer(upstream), giveUp);
            return (error, context.Features.Get<IForwarderErrorFeature>()?.Exception);
        }
        finally
        {
            upstream.Leave(member);
        }
    }
}
