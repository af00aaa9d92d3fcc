using StackExchange.Redis;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Reads a cluster's Redis directly.</summary>
internal static class RedisProbe
{
    /// <summary>The keys of all locks that are held now.</summary>
    public static async Task<IReadOnlyList<string>> LocksAsync(string address)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"{address},abortConnect=false");
        var found = new List<string>();
        await foreach (var key in redis.GetServer(address).KeysAsync(pattern: "lock||*"))
        {
            found.Add(key.ToString());
        }

        return found;
    }
}
