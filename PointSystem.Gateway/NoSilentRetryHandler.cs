namespace PointSystem.Gateway;

/// <summary>
/// SocketsHttpHandler sends a request without content again, by itself, when a reused connection closes before an answer came.
/// A cancellation is a POST that may have no body, and may have been carried out: with an (empty) content the handler leaves it alone.
/// </summary>
internal sealed class NoSilentRetryHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is null && request.Method != HttpMethod.Get && request.Method != HttpMethod.Head)
        {
            request.Content = new ByteArrayContent([]);
        }
        return base.SendAsync(request, cancellationToken);
    }
}
