using System.Globalization;
using StackExchange.Redis;

namespace PointSystem.Bench.Servers;

/// <summary>
/// Counts the lock attempts in Redis from all clients: each attempt is one SET, granted or refused. Redis itself counts them.
/// </summary>
internal sealed class LockAttempts(string address) : IAsyncDisposable
{
    private ConnectionMultiplexer? _redis;

    /// <summary>Attempts since the server was started; null if the server does not count them, or does not answer.</summary>
    public async Task<long?> ReadAsync()
    {
        try
        {
            _redis ??= await ConnectionMultiplexer.ConnectAsync(
                new ConfigurationOptions { EndPoints = { address }, AllowAdmin = true, AbortOnConnectFail = false });
            var sections = await _redis.GetServer(address).InfoAsync("commandstats");
            var set = sections.SelectMany(section => section).FirstOrDefault(entry => entry.Key == "cmdstat_set").Value;
            // Format: "calls=17,usec=…". A command that was never used has no line.
            return set is null
                ? sections.Any(section => section.Any()) ? 0 : null
                : long.Parse(set.Split(',')[0]["calls=".Length..], CultureInfo.InvariantCulture);
        }
        catch (RedisException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }
    }
}
