using System.Globalization;
using StackExchange.Redis;

namespace PointSystem.Bench.Servers;

/// <summary>
/// Counts the lock commands in Redis from all clients, as Redis itself counts them: each attempt is one SET, granted or refused, and each
/// release one script.
/// </summary>
internal sealed class LockCommands(string address) : IAsyncDisposable
{
    private ConnectionMultiplexer? _redis;

    /// <summary>The number since the server was started; null if the server does not count them, or does not answer.</summary>
    public async Task<(long Attempts, long Releases)?> ReadAsync()
    {
        try
        {
            _redis ??= await ConnectionMultiplexer.ConnectAsync(
                new ConfigurationOptions { EndPoints = { address }, AllowAdmin = true, AbortOnConnectFail = false });
            var sections = await _redis.GetServer(address).InfoAsync("commandstats");
            var counts = sections.SelectMany(section => section).ToDictionary(entry => entry.Key, entry => entry.Value);
            return counts.Count == 0 ? null : (Calls(counts, "set"), Calls(counts, "eval") + Calls(counts, "evalsha"));
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

    // Format: "calls=17,usec=…". A command that was never used has no line.
    private static long Calls(Dictionary<string, string> counts, string command) =>
        counts.TryGetValue("cmdstat_" + command, out var text) ? long.Parse(text.Split(',')[0]["calls=".Length..], CultureInfo.InvariantCulture) : 0;
}
