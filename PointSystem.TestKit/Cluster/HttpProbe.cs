namespace PointSystem.TestKit;

/// <summary>Asks a health endpoint; any 2xx is yes.</summary>
internal sealed class HttpProbe : IDisposable
{
    // A connection of its own for each question: a pooled one to a process that died says nothing about its successor.
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

    /// <param name="url">What is asked.</param>
    /// <param name="expected">What the answer has to contain.</param>
    /// <param name="cancellationToken">Gives up.</param>
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
