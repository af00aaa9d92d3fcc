using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace PointSystem.Notifications.Feed;

/// <summary>Puts the bearer token into requests for the feed: the configured one, or one by client credentials, which is renewed in time.</summary>
internal sealed class FeedToken(IHttpClientFactory clients, IOptions<FeedOptions> options, TimeProvider time) : DelegatingHandler
{
    /// <summary>Name of the client that asks for tokens.</summary>
    public const string ClientName = "feed-token";

    private static readonly TimeSpan Early = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LifetimeDefault = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _one = new(1);
    private string? _token;
    private DateTimeOffset _until;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var token = await FindAsync(cancellationToken);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        var response = await base.SendAsync(request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            // Withdrawn, perhaps: the next request gets a new one.
            _until = default;
        }

        return response;
    }

    protected override void Dispose(bool disposing)
    {
        _one.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask<string?> FindAsync(CancellationToken cancellationToken)
    {
        if (options.Value.TokenAddress is not { } address)
        {
            return string.IsNullOrEmpty(options.Value.Token) ? null : options.Value.Token;
        }

        await _one.WaitAsync(cancellationToken);
        try
        {
            if (time.GetUtcNow() >= _until)
            {
                (_token, _until) = await AskAsync(address, cancellationToken);
            }

            return _token;
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<(string Token, DateTimeOffset Until)> AskAsync(Uri address, CancellationToken cancellationToken)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = options.Value.ClientId!,
            ["client_secret"] = options.Value.ClientSecret!,
        };
        if (options.Value.Scope is { Length: > 0 } scope)
        {
            form["scope"] = scope;
        }

        using var client = clients.CreateClient(ClientName);
        using var content = new FormUrlEncodedContent(form);
        using var response = await client.PostAsync(address, content, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw (int)response.StatusCode is >= 400 and < 500
                ? new FeedRefusedException($"the token endpoint answered {(int)response.StatusCode}: {text}")
                : new HttpRequestException($"the token endpoint answered {(int)response.StatusCode}", null, response.StatusCode);
        }

        var answer = JsonElement.Parse(text);
        var lifetime = answer.TryGetProperty("expires_in", out var seconds) && seconds.TryGetDouble(out var number) ? TimeSpan.FromSeconds(number) : LifetimeDefault;
        return (answer.GetProperty("access_token").GetString()!, time.GetUtcNow() + (lifetime > 2 * Early ? lifetime - Early : lifetime / 2));
    }
}
