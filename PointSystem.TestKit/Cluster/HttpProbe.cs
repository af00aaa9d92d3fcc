namespace PointSystem.TestKit;

/// <summary>Checks a health endpoint; any 2xx means healthy.</summary>
internal sealed class HttpProbe : IDisposable
{
    // A new connection for each check: a pooled connection to a dead process says nothing about its successor.
    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        ConnectTimeout = TimeSpan.FromSeconds(1),
    })
    {
        Timeout = TimeSpan.FromSeconds(1),
    };

    public Task<bool> CheckAsync(Uri url, CancellationToken cancellationToken) => CheckAsync(url, "", cancellationToken);

    /// <param name="url">The endpoint.</param>
    /// <param name="expected">Text that the answer must contain.</param>
    /// <param name="cancellationToken">Cancels the check.</param>
    public async Task<bool> CheckAsync(Uri url, string expected, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(url, cancellationToken);
            return response.IsSuccessStatusCode && (await response.Content.ReadAsStringAsync(cancellationToken)).Contains(expected, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    public void Dispose() => _client.Dispose();
}
