using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using PointSystem.Api.Security;

namespace PointSystem.Tests.Api;

/// <summary>How often the identity provider is asked for its keys, and who waits for that.</summary>
public sealed class SharedDiscoveryTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly List<TaskCompletionSource<OpenIdConnectConfiguration>> _attempts = [];
    private readonly SharedDiscovery _discovery;

    public SharedDiscoveryTests() => _discovery = new SharedDiscovery(
        _ =>
        {
            var attempt = new TaskCompletionSource<OpenIdConnectConfiguration>(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_attempts)
            {
                _attempts.Add(attempt);
            }

            return attempt.Task;
        },
        _clock,
        NullLogger<SharedDiscovery>.Instance);

    [Fact]
    public async Task FindKey_Unknown_AllWaitForOneAttempt()
    {
        await KnowAsync("one");

        var waiting = Enumerable.Range(0, 10).Select(_ => _discovery.FindKeyAsync("two", Token)).ToList();
        Assert.Equal("one", await KeysAsync());
        Assert.All(waiting, one => Assert.False(one.IsCompleted));
        (await AttemptAsync(2)).SetResult(Keys("two"));
        await Task.WhenAll(waiting);

        Assert.Equal("two", await KeysAsync());
        Assert.Equal(2, _attempts.Count);
    }

    [Fact]
    public async Task FindKey_Invented_AsksOnceInFiveSecondsAndNobodyWaitsInBetween()
    {
        await KnowAsync("one");
        await LookAsync(2);
        _clock.Advance(TimeSpan.FromSeconds(4.9));

        foreach (var number in Enumerable.Range(0, 100))
        {
            await _discovery.FindKeyAsync($"invented-{number}", Token);
        }

        Assert.Equal(2, _attempts.Count);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        await LookAsync(3);
    }

    [Theory]
    [InlineData("one")]
    [InlineData("")]
    [InlineData(null)]
    public async Task FindKey_KnownOrNotNamed_AsksNobody(string? keyId)
    {
        await KnowAsync("one");

        await _discovery.FindKeyAsync(keyId, Token);

        Assert.Single(_attempts);
    }

    [Fact]
    public async Task FindKey_ProviderIsAway_EndsWithTheAttemptAndKeepsTheKeys()
    {
        await KnowAsync("one");

        var refused = _discovery.FindKeyAsync("two", Token);
        (await AttemptAsync(2)).SetException(new HttpRequestException("away"));
        await refused;
        Assert.Equal("one", await KeysAsync());

        _clock.Advance(TimeSpan.FromSeconds(5));
        var silent = _discovery.FindKeyAsync("two", Token);
        await AttemptAsync(3);
        await _clock.PassUntilAsync(() => silent.IsCompleted, "an attempt has an end");
        Assert.Equal("one", await KeysAsync());
    }

    [Fact]
    public async Task Configuration_TwelveHoursOld_IsRenewedAndNobodyWaits()
    {
        await KnowAsync("one");
        _clock.Advance(TimeSpan.FromHours(12));

        Assert.Equal("one", await KeysAsync());
        (await AttemptAsync(2)).SetResult(Keys("two"));
        await Eventually.HoldsAsync(async () => await KeysAsync() == "two", "the new key is known");
        Assert.Equal(2, _attempts.Count);
    }

    [Fact]
    public async Task Configuration_NotKnown_AllShareOneAttemptAndItsFailureForASecond()
    {
        var first = Enumerable.Range(0, 10).Select(_ => _discovery.GetConfigurationAsync(Token)).ToList();
        await _discovery.FindKeyAsync("one", Token);
        (await AttemptAsync(1)).SetException(new HttpRequestException("away"));
        foreach (var one in first)
        {
            await Assert.ThrowsAsync<IdentityProviderAwayException>(() => one);
        }
        await Assert.ThrowsAsync<IdentityProviderAwayException>(() => _discovery.GetConfigurationAsync(Token));
        Assert.Single(_attempts);

        _clock.Advance(TimeSpan.FromSeconds(1));
        var second = _discovery.GetConfigurationAsync(Token);
        (await AttemptAsync(2)).SetResult(Keys("one"));
        Assert.Equal("one", Assert.Single((await second).SigningKeys).KeyId);
    }

    private static OpenIdConnectConfiguration Keys(string id) => new() { SigningKeys = { new SymmetricSecurityKey(new byte[32]) { KeyId = id } } };

    private async Task KnowAsync(string id)
    {
        var known = _discovery.GetConfigurationAsync(Token);
        (await AttemptAsync(1)).SetResult(Keys(id));
        await known;
    }

    private async Task LookAsync(int number)
    {
        var looking = _discovery.FindKeyAsync("invented", Token);
        (await AttemptAsync(number)).SetResult(Keys("one"));
        await looking;
    }

    private async Task<string> KeysAsync() => string.Join(' ', (await _discovery.GetConfigurationAsync(Token)).SigningKeys.Select(key => key.KeyId));

    private async Task<TaskCompletionSource<OpenIdConnectConfiguration>> AttemptAsync(int number)
    {
        TaskCompletionSource<OpenIdConnectConfiguration>? attempt = null;
        await Eventually.HoldsAsync(
            () =>
            {
                lock (_attempts)
                {
                    attempt = _attempts.ElementAtOrDefault(number - 1);
                }

                return attempt is not null;
            },
            $"attempt {number} has begun");
        return attempt!;
    }
}
