using System.Collections.Concurrent;
using System.Net;

namespace PointSystem.Tests.Proof;

/// <summary>
/// The lock store or the sidecar fails in every known way, under load on all replicas: no caller gets an error, every write continues under the
/// row lock, and locks are acquired again by themselves after recovery.
/// </summary>
[Collection(ProofTests.Name)]
public sealed class FaultTests(ProofCluster proof)
{
    private LocalCluster Cluster => proof.Cluster;

    [Fact]
    public Task RedisKilled_UnderLoad_FailsNoRequest() => BreakAsync(
        async () =>
        {
            Cluster.Redis.AutoRestart = false;
            await Cluster.Redis.KillAsync(Token);
        },
        () =>
        {
            Cluster.Redis.Start();
            return Task.CompletedTask;
        },
        Cluster.Replicas);

    [Fact]
    public async Task RedisFrozen_UnderLoad_FailsNoRequest()
    {
        Needs.Signals();
        await BreakAsync(() => Do(Cluster.Redis.Suspend), () => Do(Cluster.Redis.Resume), Cluster.Replicas);
    }

    [Fact]
    public async Task RedisOutOfMemory_UnderLoad_FailsNoRequest()
    {
        Needs.Redis(Cluster.Description.Contains("redis-server", StringComparison.Ordinal));
        await using var redis = await proof.RedisAsync();
        await redis.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory-policy", "noeviction");
        await BreakAsync(
            () => redis.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "1"),
            () => redis.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "0"),
            Cluster.Replicas);
    }

    [Fact]
    public async Task RedisFlushedAgainAndAgain_UnderLoad_FailsNoRequest()
    {
        await using var redis = await proof.RedisAsync();
        await BreakAsync(
            async load =>
            {
                for (var flush = 0; flush < 20; flush++)
                {
                    await redis.GetDatabase().ExecuteAsync("FLUSHALL");
                    await load.AnsweredAsync(15);
                }
            },
            () => Task.CompletedTask,
            []);
    }

    [Fact]
    public async Task SidecarFrozen_UnderLoad_FailsNoRequest()
    {
        Needs.Signals();
        await BreakAsync(() => Do(proof.First.Sidecar.Suspend), () => Do(proof.First.Sidecar.Resume), [proof.First]);
    }

    [Fact]
    public Task SidecarKilled_UnderLoad_FailsNoRequest() => BreakAsync(
        async () =>
        {
            proof.First.Sidecar.AutoRestart = false;
            await proof.First.Sidecar.KillAsync(Token);
        },
        () => Do(proof.First.Sidecar.Start),
        [proof.First]);

    [Fact]
    public Task SidecarWithoutItsComponent_UnderLoad_FailsNoRequest()
    {
        // If Redis is unavailable at its start, a sidecar runs without a lock store (ignoreErrors) and answers every call with an error.
        var unavailable = new Dictionary<string, string?> { ["REDIS_HOST"] = $"127.0.0.1:{Ports.Next()}" };
        var redis = new Dictionary<string, string?> { ["REDIS_HOST"] = $"127.0.0.1:{proof.ToRedis.Port}" };
        return BreakAsync(() => proof.First.Sidecar.RestartAsync(unavailable, Token), () => proof.First.Sidecar.RestartAsync(redis, Token), [proof.First]);
    }

    [Theory]
    [InlineData("replica to sidecar", "requests")]
    [InlineData("replica to sidecar", "replies")]
    [InlineData("sidecar to Redis", "requests")]
    [InlineData("sidecar to Redis", "replies")]
    public Task OneDirectionLost_UnderLoad_FailsNoRequest(string leg, string lost)
    {
        var proxy = leg == "replica to sidecar" ? proof.ToSidecar : proof.ToRedis;
        return BreakAsync(() => Do(lost == "requests" ? proxy.DropRequests : proxy.DropReplies), () => Do(proxy.Heal), [proof.First]);
    }

    private static Task Do(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private Task BreakAsync(Func<Task> fault, Func<Task> heal, IReadOnlyList<Replica> hit) => BreakAsync(_ => fault(), heal, hit);

    /// <param name="fault">Injects the fault under load.</param>
    /// <param name="heal">Removes the fault.</param>
    /// <param name="hit">The replicas whose breakers must open.</param>
    private async Task BreakAsync(Func<Load, Task> fault, Func<Task> heal, IReadOnlyList<Replica> hit)
    {
        await proof.ReadyAsync();
        var members = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => proof.MemberAsync(100_000)));
        using var load = new Load(Cluster, members);
        await load.AnsweredAsync(100);
        try
        {
            await fault(load);
            foreach (var replica in hit)
            {
                await proof.BreakerAsync(replica, "open");
            }
            await load.AnsweredAsync(500);
        }
        finally
        {
            await heal();
        }
        foreach (var replica in Cluster.Replicas)
        {
            await proof.BreakerAsync(replica, "closed");
        }
        await load.AnsweredAsync(100);
        await load.StopAsync();
        load.Longest.Print();

        Assert.All(load.Answers, answer => answer.Expect(HttpStatusCode.Created));
        Assert.Equal(load.Answers.Count, await Books.UsagesAsync(proof.Database, members));
        await LedgerReplay.AssertStoredAsync(proof.Database, members);
    }

    /// <summary>Three callers for each member, one per replica, that never retry: the answers are those that any caller gets.</summary>
    private sealed class Load : IDisposable
    {
        private readonly List<PointsClient> _replicas;
        private readonly Task _callers;
        private volatile bool _stopping;

        public Load(LocalCluster cluster, long[] members)
        {
            _replicas = [.. cluster.Replicas.Select(replica => new PointsClient(replica.Url))];
            _callers = Task.WhenAll(Enumerable.Range(0, members.Length * 3).Select(caller => Task.Run(async () =>
            {
                while (!_stopping)
                {
                    Answers.Enqueue(await Longest.OfAsync(() => _replicas[caller % 3].UseAsync(members[caller / 3], "LOAD", 1)));
                }
            })));
        }

        public ConcurrentQueue<Answer> Answers { get; } = new();

        public LongestAnswer Longest { get; } = new();

        public Task AnsweredAsync(int more)
        {
            var goal = Answers.Count + more;
            return Eventually.HoldsAsync(() => Answers.Count >= goal || _callers.IsFaulted, $"{more} more requests are answered");
        }

        public Task StopAsync()
        {
            _stopping = true;
            return _callers;
        }

        public void Dispose()
        {
            _stopping = true;
            _replicas.ForEach(client => client.Dispose());
        }
    }
}
