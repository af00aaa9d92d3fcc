using StackExchange.Redis;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Looks into a cluster's Redis.</summary>
internal static class RedisProbe
{
    /// <summary>Whether a lock for using points is held at this moment.</summary>
    public static async Task<bool> AnyUseLockHeldAsync(string address)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"{address},abortConnect=false");
        await foreach (var _ in redis.GetServer(address).KeysAsync(pattern: "lock||*||point:use:member:*"))
        {
            return true;
        }

        return false;
    }

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
