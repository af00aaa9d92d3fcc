using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace PointSystem.Api.Security;

/// <summary>The identity provider cannot be reached and its keys are not known yet, so no token can be checked.</summary>
internal sealed class IdentityProviderAwayException(Exception cause)
    : Exception("The identity provider cannot be reached, and its keys are not known yet.", cause);

/// <summary>
/// The keys of the identity provider. While they are not known, all requests share one attempt to get them, and its failure for a second:
/// otherwise each would wait for its own, one after the other. An attempt does not end with the request that started it.
/// </summary>
internal sealed partial class SharedDiscovery(
    IConfigurationManager<OpenIdConnectConfiguration> provider, TimeProvider clock, ILogger<SharedDiscovery> logger)
    : IConfigurationManager<OpenIdConnectConfiguration>
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    private readonly Lock _sync = new();
    private Task<OpenIdConnectConfiguration>? _attempt;
    private long _failedAt;

    /// <exception cref="IdentityProviderAwayException">The attempt has failed.</exception>
    public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        lock (_sync)
        {
            // After a success the provider's manager answers from memory, and renews in the background.
            if (_attempt is null || _attempt.IsCompletedSuccessfully || (_attempt.IsCompleted && clock.GetElapsedTime(_failedAt) >= RetryAfter))
            {
                _attempt = AttemptAsync();
            }

            return _attempt.IsCompletedSuccessfully ? _attempt : _attempt.WaitAsync(cancel);
        }
    }

    public void RequestRefresh() => provider.RequestRefresh();

    private async Task<OpenIdConnectConfiguration> AttemptAsync()
    {
        try
        {
            return await provider.GetConfigurationAsync(CancellationToken.None).WaitAsync(Longest, clock);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogAway(logger, failure);
            Volatile.Write(ref _failedAt, clock.GetTimestamp());
            throw new IdentityProviderAwayException(failure);
        }
    }

    [LoggerMessage(EventId = 1502, Level = LogLevel.Warning, Message = "The identity provider (Auth:Authority) cannot be reached, so tokens cannot be checked")]
    private static partial void LogAway(ILogger logger, Exception failure);
}
