using System.Globalization;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Property 1: points are correct even if the lock store grants every lock to every caller.</summary>
[Collection(ProofServer.Name)]
public sealed class LyingLockTests(ProofServer server)
{
    /// <summary>Total number of requests; POINTSYSTEM_PROOF_OPERATIONS overrides it, for a long run.</summary>
    private static int Operations =>
        int.Parse(Environment.GetEnvironmentVariable("POINTSYSTEM_PROOF_OPERATIONS") ?? "10000", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Writes_EveryLockGranted_HistoriesAreLinearizable()
    {
        await using var database = await server.CreateAsync(Token);
        await database.WatchDeadlocksAsync();
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PointReplica.StartAsync(database.ConnectionString, new LyingLockStore())));
        var done = 0;
        var applied = 0;
        for (var seed = 1; done < Operations; seed++)
        {
            long[] members = [.. Enumerable.Range(0, 1 + (seed % 4)).Select(_ => PointsClient.NewMember())];
            var load = new Load(replicas, seed, members);
            await load.RunAsync(callers: 96, steps: 15, Token);
            Assert.Equal(0, load.TimedOut);
            await database.AssertLinearizableAsync(load, members);
            done += load.Operations.Count;
            applied += load.Operations.Count(operation => operation.Refusal is null);
        }

        // Neither all accepted nor all refused, and on average more than one command per commit, so that the queues are tested too.
        Assert.InRange(applied, done / 4, done * 3 / 4);
        Assert.InRange(replicas.Sum(replica => replica.Sums.CountOf("pointsystem.lock.batch.size")), 1, done / 2);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
        Assert.Equal(0, await database.CountDeadlocksAsync());
    }
}
