using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace PointSystem.Gateway;

/// <summary>Sets the headers that name the caller, the host that was called and the replica that answered.</summary>
internal sealed class ReplicaTransformer(Upstream upstream) : HttpTransformer
{
    public const string ReplicaHeader = "X-Replica";
    private static readonly UriCreationOptions Exactly = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        if (proxyRequest.Headers.Host is null)
        {
            // An empty or impossible one would be sent together with that of the destination, and the replica refuses two.
            proxyRequest.Headers.Remove("Host");
        }
        // Unchanged: if it was parsed and written again, an escaped slash (%2F) would be escaped twice.
        if (httpContext.Features.Get<IHttpRequestFeature>()?.RawTarget is ['/', ..] target)
        {
            proxyRequest.RequestUri = new Uri(destinationPrefix + target, Exactly);
        }
        // The gateway is the edge: what a caller sends in these headers is not trusted and not passed on.
        Set(proxyRequest, "X-Forwarded-For", httpContext.Connection.RemoteIpAddress?.ToString());
        Set(proxyRequest, "X-Forwarded-Proto", httpContext.Request.Scheme);
        Set(proxyRequest, "X-Forwarded-Host", httpContext.Request.Host.Value);
        proxyRequest.Headers.Remove("Forwarded");
    }

    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var copyBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        if (proxyResponse is not null)
        {
            httpContext.Response.Headers[ReplicaHeader] = upstream.Name;
            if (proxyResponse.Headers.ConnectionClose == true)
            {
                upstream.RequestCheck();
            }
        }
        return copyBody;
    }

    private static void Set(HttpRequestMessage request, string name, string? value)
    {
        request.Headers.Remove(name);
        if (!string.IsNullOrEmpty(value))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
