using Npgsql;
using PointSystem.Tests.Domain;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Property 3: replicas in any mix of modes are correct, and the row lock is what makes them correct.</summary>
[Collection(ProofServer.Name)]
public sealed class MixedModeTests(ProofServer server)
{
    [Fact]
    public async Task Writes_ModesAndFallbackChangeAtRandom_HistoryIsLinearizable()
    {
        await using var database = await server.CreateAsync(Token);
        var common = new MemoryLockStore(TimeProvider.System);
        DetachableLockStore[] stores = [new(common), new(common), new(common)];
        var replicas = await Task.WhenAll(stores.Select((store, i) =>
            PointReplica.StartAsync(database.ConnectionString, store, new RandomModes(i), [("Locking:Breaker:ProbeInterval", "00:00:00.050")])));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var detaching = DetachAtRandomAsync(stores, new Random(3), stop.Token);
        for (var seed = 101; seed <= 106; seed++)
        {
            long[] members = [.. Enumerable.Range(0, 1 + (seed % 3)).Select(_ => PointsClient.NewMember())];
            var load = new Load(replicas, seed, members);
            await load.RunAsync(callers: 32, steps: 12, Token);
            await database.AssertLinearizableAsync(load, members);
        }
        await stop.CancelAsync();
        await detaching;

        // Every mode and state did occur.
        long Sum(string counter) => replicas.Sum(replica => replica.Sums[counter]);
        Assert.All(["acquired", "fallback", "row_only"], outcome => Assert.InRange(Sum($"pointsystem.lock.acquire outcome={outcome}"), 50, long.MaxValue));
        Assert.InRange(Sum("pointsystem.lock.breaker.changes to=open"), 2, long.MaxValue);
        Assert.InRange(Sum("pointsystem.lock.breaker.changes to=closed"), 2, long.MaxValue);
        Assert.InRange(replicas.Sum(replica => replica.Executor.Snapshot(1).LastMinute.Unlocked), 1, long.MaxValue);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }

    /// <summary>
    /// The primary key of the ledger is the second line of defence, after the checks of the domain on inconsistent rows: without the row lock no
    /// points are lost, but requests fail.
    /// </summary>
    [Fact]
    public async Task Writes_WithoutRowLock_AreRefusedByTheLedger()
    {
        await using var database = await server.CreateAsync(Token);
        // By the ledger's primary key, or by the domain's checks of the loaded rows.
        var (load, members) = await RunWithoutRowLockAsync(database, fault => fault
            is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation }
            or InvalidOperationException { Source: "PointSystem.Domain" });
        Assert.NotEmpty(load.Faults);
        await database.AssertLinearizableAsync(load, members);
    }

    /// <summary>Without the constraints too, the same load breaks the books, and the checker detects it from the answers.</summary>
    [Fact]
    public async Task Writes_WithoutRowLockAndConstraints_AreRejectedByTheChecker()
    {
        await using var database = await server.CreateAsync(Token);
        string[] guards =
        [
            "point_ledger_entries", "point_accumulations", "point_usages", "point_usage_details", "usage_cancellations", "point_transfers",
        ];
        foreach (var table in guards)
        {
            // Drops keys, checks and unique indexes, so that the table accepts everything.
            await database.DataSource.ExecuteAsOwnerAsync(
                $"""
                DO $$ DECLARE c record; BEGIN
                    FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u', 'c') LOOP
                        EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', c.conname);
                    END LOOP;
                    FOR c IN SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = '{table}'::regclass AND indisunique LOOP
                        EXECUTE format('DROP INDEX %s', c.name);
                    END LOOP;
                END $$
                """);
        }
        var (load, members) = await RunWithoutRowLockAsync(database, _ => true);
        Assert.NotEmpty(Checker.FindProblems(await database.HistoryAsync(load, members), Load.Policy));
    }

    private static async Task<(Load Load, long[] Members)> RunWithoutRowLockAsync(PropertyDatabase database, Func<Exception, bool> mayFail)
    {
        await using var proxy = new RewritingProxy(database.ConnectionString, "FOR UPDATE SKIP LOCKED"u8.ToArray(), "FOR UPDATE"u8.ToArray());
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PointReplica.StartAsync(proxy.ConnectionString, new LyingLockStore())));
        long[] members = [PointsClient.NewMember(), PointsClient.NewMember()];
        var load = new Load(replicas, 7, members) { MayFail = mayFail, Choose = random => random.Next(2) == 0 ? StepKind.Accumulate : StepKind.Use };
        await load.RunAsync(callers: 24, steps: 10, Token);
        Assert.InRange(proxy.Rewritten, 1, int.MaxValue);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
        return (load, members);
    }

    private static async Task DetachAtRandomAsync(DetachableLockStore[] stores, Random random, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var store = stores[random.Next(stores.Length)];
            store.IsDetached = !store.IsDetached;
            await Task.Delay(random.Next(50, 250), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
