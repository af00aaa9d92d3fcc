using System.Globalization;
using Npgsql;
using PointSystem.Locking;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Points are correct however many connections of a replica may wait for rows that others hold: none, one, or all it has.</summary>
[Collection(ProofServer.Name)]
public sealed class RowQueueTests(ProofServer server)
{
    [Theory]
    [InlineData(0, 2, 30)]
    [InlineData(1, 2, 30)]
    // Eight connections leave four for writes: one for the lane, three for the queue lanes, none for what waits beside them.
    [InlineData(3, 4, 8)]
    [InlineData(16, 16, 8)]
    public async Task Writes_AnyBudgetOfRowWaits_HistoriesAreLinearizable(int queueLanes, int detoursMax, int poolSize)
    {
        await using var database = await server.CreateAsync(Token);
        await database.WatchDeadlocksAsync();
        var connectionString = new NpgsqlConnectionStringBuilder(database.ConnectionString) { MaxPoolSize = poolSize }.ConnectionString;
        var store = new MemoryLockStore(TimeProvider.System);
        (string, string)[] settings =
        [
            ("Locking:Combining:Lanes", "1"),
            ("Locking:Combining:QueueLanes", queueLanes.ToString(CultureInfo.InvariantCulture)),
            ("Locking:Combining:DetoursMax", detoursMax.ToString(CultureInfo.InvariantCulture)),
        ];
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ =>
            PointReplica.StartAsync(connectionString, store, new FixedMode(LockMode.Distributed), settings)));
        for (var seed = 201; seed <= 204; seed++)
        {
            long[] members = [.. Enumerable.Range(0, 1 + (seed % 4)).Select(_ => PointsClient.NewMember())];
            var load = new Load(replicas, seed, members);
            await load.RunAsync(callers: 48, steps: 8, Token);
            Assert.Equal(0, load.TimedOut);
            await database.AssertLinearizableAsync(load, members);
        }
        var queued = replicas.Sum(replica => replica.Sums["pointsystem.lock.acquire outcome=queued"]);
        Assert.InRange(queued, queueLanes > 0 ? 1 : 0, queueLanes > 0 ? long.MaxValue : 0);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
        Assert.Equal(0, await database.CountDeadlocksAsync());
    }
}
