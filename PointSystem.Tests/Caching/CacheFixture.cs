using System.Net;
using PointSystem.Tests.Api;
using PointSystem.Tests.Features;

namespace PointSystem.Tests.Caching;

/// <summary>
/// Two replicas with a balance cache and one without, on one database. Redis is started after them: a replica starts and serves without it.
/// </summary>
public sealed class CacheFixture(PointsDatabase server) : IAsyncLifetime
{
    /// <summary>Long enough that no value ends during a test that does not wait for it, whatever the machine does.</summary>
    public static readonly TimeSpan Ttl = TimeSpan.FromSeconds(5);

    private readonly List<ApiProcess> _replicas = [];
    private readonly List<PointsClient> _clients = [];

    internal RedisServer Redis { get; } = RedisServer.NotStarted();

    /// <summary>The owner's connection string.</summary>
    public string Database { get; private set; } = "";

    /// <summary>The replicas that have the cache.</summary>
    internal IReadOnlyList<PointsClient> Cached => _clients[..2];

    /// <summary>The replica that reads the database.</summary>
    internal PointsClient Direct => _clients[2];

    internal IReadOnlyList<ApiProcess> Replicas => _replicas;

    public async ValueTask InitializeAsync()
    {
        Needs.Signals();
        Database = await server.CreateOwnedAsync(Token);
        var ttl = ("Cache__Ttl", (string?)Ttl.ToString());
        // Readers wait rather than being refused: what they get is the point.
        (string, string?)[] settings = [ttl, ("Reads__QueueLimit", "2000"), ("Reads__QueueWait", "00:01:00")];
        _replicas.AddRange(await Task.WhenAll(
            ApiProcess.StartAsync(Database, [.. settings, ("ConnectionStrings__points-cache", Redis.Address)]),
            ApiProcess.StartAsync(Database, [.. settings, ("ConnectionStrings__points-cache", Redis.Address)]),
            ApiProcess.StartAsync(Database, settings)));
        _clients.AddRange(_replicas.Select(replica => new PointsClient(replica.Address, Tokens.Admin)));
        var member = PointsClient.NewMember();
        await WriteAsync(Cached[0], member, 5);
        Assert.Equal(5, await Cached[1].BalanceAsync(member));
        await Redis.RestartAsync(Token);
        await WaitForCacheAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        await Redis.DisposeAsync();
    }

    /// <summary>Waits until both replicas answer from the cache.</summary>
    internal async Task WaitForCacheAsync()
    {
        var member = PointsClient.NewMember();
        foreach (var client in Cached)
        {
            var before = (await CountsAsync(client)).Hits;
            await Eventually.HoldsAsync(
                async () =>
                {
                    (await client.GetAsync($"/api/points/balance/{member}")).Expect(HttpStatusCode.OK);
                    return (await CountsAsync(client)).Hits > before;
                },
                "the replica answers from the cache");
        }
    }

    /// <summary>Grants points; returns the new version.</summary>
    internal static async Task<long> WriteAsync(PointsClient client, long member, long amount, int days = 30) =>
        (await client.AccumulateAsync(member, amount, days)).Expect(HttpStatusCode.Created).NumberOf("version");

    /// <summary>Reads the balance, from a state that is at least this version.</summary>
    internal static Task<Answer> ReadAsync(PointsClient client, long member, long? version = null, string query = "", string? tag = null) =>
        client.GetAsync($"/api/points/balance/{member}{query}", version, tag is null ? [] : [("If-None-Match", tag)]);

    /// <summary>What a replica has counted so far.</summary>
    internal static async Task<CacheCounts> CountsAsync(PointsClient client)
    {
        // For 300 ms the exporter answers with what it has collected before. The processor time differs in each collection.
        var earlier = (await client.GetAsync("/metrics")).Text;
        var text = earlier;
        await Eventually.HoldsAsync(async () => (text = (await client.GetAsync("/metrics")).Text) != earlier, "the metrics are collected again");
        return new CacheCounts(
            Sum("pointsystem_cache_loads_total"), Sum("pointsystem_reads_total", "source=\"primary\""), Sum("pointsystem_reads_total", "source=\"cache\""),
            Sum("pointsystem_cache_writes_total", "outcome=\"failed\""));

        long Sum(string counter, string label = "") => MetricsText.Sum(text, counter, label);
    }
}

/// <summary>What a replica has counted.</summary>
/// <param name="Loads">Queries for the cache.</param>
/// <param name="Primary">Reads that the database has answered.</param>
/// <param name="Hits">Reads that the cache has answered.</param>
/// <param name="Failed">Balances that could not be sent to the cache.</param>
internal sealed record CacheCounts(long Loads, long Primary, long Hits, long Failed);
