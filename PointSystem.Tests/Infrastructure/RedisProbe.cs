using StackExchange.Redis;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Looks into a cluster's Redis.</summary>
internal static class RedisProbe
{
    /// <summary>Every lock that is held at this moment.</summary>
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
