namespace PointSystem.Gateway;

/// <summary>
/// SocketsHttpHandler repeats a request without content by itself if a reused connection closes before a response arrives. A cancellation is a
/// POST that may have no body and may have been executed: with an (empty) content the handler does not repeat it.
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
