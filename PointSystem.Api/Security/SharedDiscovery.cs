using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace PointSystem.Api.Security;

/// <summary>The identity provider cannot be reached and its keys are not known yet, so no token can be checked.</summary>
internal sealed class IdentityProviderAwayException(Exception cause)
    : Exception("The identity provider cannot be reached, and its keys are not known yet.", cause);

/// <summary>
/// The keys of the identity provider. All requests that need keys which are not known share one attempt to get them, and its failure for a second:
/// otherwise each would wait for its own, one after the other. An attempt does not end with the request that started it.
/// </summary>
/// <param name="fetch">Gets the provider's document and keys.</param>
/// <param name="clock">The clock.</param>
/// <param name="logger">Gets the failures.</param>
internal sealed partial class SharedDiscovery(
    Func<CancellationToken, Task<OpenIdConnectConfiguration>> fetch, TimeProvider clock, ILogger<SharedDiscovery> logger)
    : IConfigurationManager<OpenIdConnectConfiguration>
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    // After a failure, while no keys are known.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    // For a key id that is not known: it may be a new one, and anybody can invent one.
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(5);

    // Without any reason, so that a key that the provider has withdrawn is forgotten.
    private static readonly TimeSpan RenewAfter = TimeSpan.FromHours(12);

    private readonly Lock _sync = new();
    private volatile OpenIdConnectConfiguration? _known;
    private Task<Exception?>? _attempt;
    private long _endedAt;
    private long? _lookedAgainAt;

    /// <exception cref="IdentityProviderAwayException">The keys are not known, and the attempt to get them has failed.</exception>
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel)
    {
        Task<Exception?> attempt;
        lock (_sync)
        {
            var rest = _known is null ? RetryAfter : _attempt is { IsCompletedSuccessfully: true, Result: null } ? RenewAfter : LookAgainAfter;
            attempt = _attempt is null || (_attempt.IsCompleted && clock.GetElapsedTime(_endedAt) >= rest) ? Start() : _attempt;
        }

        // Known keys are good until the attempt has ended.
        if (_known is { } known)
        {
            return known;
        }

        var failure = await attempt.WaitAsync(cancel);
        return _known ?? throw new IdentityProviderAwayException(failure!);
    }

    /// <summary>
    /// Looks for a key that is not known, after the provider has changed its keys. Nothing happens while no keys are known at all.
    /// </summary>
    /// <param name="keyId">The id of the key that has signed a token; null if the token names none.</param>
    /// <param name="cancel">Ends the wait, not the attempt.</param>
    public async Task FindKeyAsync(string? keyId, CancellationToken cancel)
    {
        if (_known is not { } known || string.IsNullOrEmpty(keyId) || known.SigningKeys.Any(key => key.KeyId == keyId))
        {
            return;
        }

        Task<Exception?> attempt;
        lock (_sync)
        {
            if (_attempt!.IsCompleted)
            {
                if (_lookedAgainAt is { } at && clock.GetElapsedTime(at) < LookAgainAfter)
                {
                    return;
                }

                _lookedAgainAt = clock.GetTimestamp();
                Start();
            }

            attempt = _attempt;
        }

        await attempt.WaitAsync(cancel);
    }

    /// <summary>Nothing: <see cref="FindKeyAsync"/> has looked again where there is a reason.</summary>
    public void RequestRefresh()
    {
    }

    // Under _sync.
    private Task<Exception?> Start() => _attempt = AttemptAsync();

    /// <returns>The failure, if it is one.</returns>
    private async Task<Exception?> AttemptAsync()
    {
        // Not under the lock of the caller.
        await Task.Yield();
        try
        {
            _known = await fetch(CancellationToken.None).WaitAsync(Longest, clock);
            return null;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            if (_known is null)
            {
                LogAway(logger, failure);
            }
            else
            {
                LogNotRenewed(logger, failure);
            }

            return failure;
        }
        finally
        {
            lock (_sync)
            {
                _endedAt = clock.GetTimestamp();
            }
        }
    }

    [LoggerMessage(EventId = 1502, Level = LogLevel.Warning, Message = "The identity provider (Auth:Authority) cannot be reached, so tokens cannot be checked")]
    private static partial void LogAway(ILogger logger, Exception failure);

    [LoggerMessage(
        EventId = 1504, Level = LogLevel.Warning,
        Message = "The identity provider (Auth:Authority) cannot be reached; tokens are checked with the keys that are known")]
    private static partial void LogNotRenewed(ILogger logger, Exception failure);
}
