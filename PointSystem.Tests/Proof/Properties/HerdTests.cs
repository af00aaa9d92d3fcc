using System.Diagnostics;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Api.Ledger;
using PointSystem.Locking;
using PointSystem.Locking.Store;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>
/// Property 6: requests that wait for a hot member hold no connection, ask the store no more often than a single caller, and delay no other member.
/// </summary>
[Collection(ProofServer.Name)]
public sealed class HerdTests(ProofServer server)
{
    private const int Herd = 500;

    // Plus one for the refresh of the rules.
    private static readonly int ConnectionsMax = new CombiningOptions().Lanes + new CombiningOptions().DetoursMax + 1;

    [Theory]
    [InlineData(20)]
    [InlineData(10)]
    public async Task Herd_RowIsHeld_UsesFewConnectionsAndOtherMembersContinue(int pool)
    {
        await using var database = await server.CreateAsync(Token);
        await using var replica = await StartAsync(database, pool, new MemoryLockStore(TimeProvider.System));
        var (hot, others) = (PointsClient.NewMember(), Enumerable.Range(0, 50).Select(_ => PointsClient.NewMember()).ToArray());
        await GrantAsync(replica, [hot, .. others]);
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, hot);
        var herd = Enumerable.Range(0, Herd).Select(_ => UseAsync(replica, hot)).ToArray();

        // They are answered while the whole herd is still waiting.
        var answered = await Task.WhenAll(others.Select(member => UseAsync(replica, member)));
        Assert.All(answered, outcome => Assert.Null(outcome.Error));
        Assert.DoesNotContain(herd, request => request.IsCompleted);
        Assert.InRange(await ConnectionsAsync(database), 1, ConnectionsMax);

        await held.RollbackAsync();
        var outcomes = await Task.WhenAll(herd);
        Assert.Equal(15, outcomes.Count(outcome => outcome.Error is null));
        Assert.InRange(await ConnectionsAsync(database), 1, ConnectionsMax);
        await Books.AssertBalancedAsync(database.ConnectionString, [hot, .. others]);
    }

    [Fact]
    public async Task Herd_LockIsHeld_AsksOneAtATimeAndHoldsNoConnection()
    {
        await using var database = await server.CreateAsync(Token);
        var common = new MemoryLockStore(TimeProvider.System);
        CountingLockStore[] stores = [new(common), new(common)];
        var replicas = await Task.WhenAll(stores.Select(one => StartAsync(database, 10, one)));
        var (hot, other) = (PointsClient.NewMember(), PointsClient.NewMember());
        await GrantAsync(replicas[0], hot, other);
        var key = $"point:use:member:{hot}";
        await common.TryLockAsync(key, "another owner", 60, Token);
        var began = Stopwatch.GetTimestamp();
        var herd = replicas.SelectMany(replica => Enumerable.Range(0, Herd).Select(_ => UseAsync(replica, hot))).ToArray();
        await Eventually.HoldsAsync(() => stores.All(one => one.AskedFor(key) > 20), "both replicas poll");
        Assert.Null((await UseAsync(replicas[1], other)).Error);
        Assert.Equal(0, await Books.CountAsync(
            database.ConnectionString, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'herd' AND state <> 'idle'"));
        var asked = stores.Max(one => one.AskedFor(key));
        var shortest = new LockingOptions().PollMin;
        Assert.InRange(asked, 20, 2 + (int)(Stopwatch.GetElapsedTime(began) / shortest));
        Assert.Equal(1, stores.Max(one => one.ConcurrentMax(key)));

        await common.UnlockAsync(key, "another owner", Token);
        var outcomes = await Task.WhenAll(herd);
        Assert.Equal(15, outcomes.Count(outcome => outcome.Error is null));
        Assert.Equal(1, stores.Max(one => one.ConcurrentMax(key)));
        Assert.InRange(await ConnectionsAsync(database), 1, 2 * ConnectionsMax);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }

    /// <summary>As the death of its holder leaves a lock. The herd goes on, over the same few connections, and no other member waits for it.</summary>
    [Fact]
    public async Task Herd_LockIsNotReleased_ContinuesWithFewConnections()
    {
        await using var database = await server.CreateAsync(Token);
        var store = new MemoryLockStore(TimeProvider.System);
        var replicas = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => StartAsync(database, 10, store, "bypass")));
        var (hot, others) = (PointsClient.NewMember(), Enumerable.Range(0, 20).Select(_ => PointsClient.NewMember()).ToArray());
        await GrantAsync(replicas[0], [hot, .. others]);
        await store.TryLockAsync($"point:use:member:{hot}", "a dead replica", 600, Token);
        var herd = replicas.SelectMany(replica => Enumerable.Range(0, Herd).Select(_ => UseAsync(replica, hot))).ToArray();
        Assert.All(await Task.WhenAll(others.Select(member => UseAsync(replicas[1], member))), outcome => Assert.Null(outcome.Error));
        var outcomes = await Task.WhenAll(herd);
        Assert.Equal(15, outcomes.Count(outcome => outcome.Error is null));
        Assert.InRange(await ConnectionsAsync(database), 1, 2 * ConnectionsMax);
        await Books.AssertBalancedAsync(database.ConnectionString, [hot, .. others]);
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }

    /// <summary>The connections that the replicas have opened: a pool opens a new one only if all are in use, and closes none during the test.</summary>
    private static Task<long> ConnectionsAsync(PropertyDatabase database) =>
        Books.CountAsync(database.ConnectionString, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'herd'");

    private static Task<PointReplica> StartAsync(
        PropertyDatabase database, int pool, ILockStore store, string onLockTimeout = "refuse") => PointReplica.StartAsync(
        new NpgsqlConnectionStringBuilder(database.ConnectionString) { MaxPoolSize = pool, ApplicationName = "herd" }.ConnectionString,
        store, new FixedMode(LockMode.Distributed), [("Locking:Operations:point:use:member:WaitSeconds", "60"), ("Locking:OnLockTimeout", onLockTimeout)]);

    private static async Task GrantAsync(PointReplica replica, params IEnumerable<long> members)
    {
        foreach (var member in members)
        {
            await replica.SendAsync(new AccumulatePoints.Command(member, 15, null, false, null, "test", null), Token);
        }
    }

    private static Task<CommandOutcome> UseAsync(PointReplica replica, long member) =>
        replica.SendAsync(new UsePoints.Command(member, "A1", 1, "test", null), Token);

    /// <summary>One replica's access to the common store, which counts its requests.</summary>
    private sealed class CountingLockStore(MemoryLockStore store) : ILockStore
    {
        private readonly Dictionary<string, (int Asked, int Now, int Max)> _counts = new(StringComparer.Ordinal);

        public int AskedFor(string key) => Read(key).Asked;

        public int ConcurrentMax(string key) => Read(key).Max;

        public async Task<bool> TryLockAsync(string key, string owner, int leaseSeconds, CancellationToken cancellationToken)
        {
            Change(key, +1);
            try
            {
                await Task.Yield();
                return await store.TryLockAsync(key, owner, leaseSeconds, cancellationToken);
            }
            finally
            {
                Change(key, -1);
            }
        }

        public Task<UnlockStatus> UnlockAsync(string key, string owner, CancellationToken cancellationToken) =>
            store.UnlockAsync(key, owner, cancellationToken);

        private (int Asked, int Now, int Max) Read(string key)
        {
            lock (_counts)
            {
                return _counts.GetValueOrDefault(key);
            }
        }

        private void Change(string key, int by)
        {
            lock (_counts)
            {
                var (asked, now, most) = _counts.GetValueOrDefault(key);
                _counts[key] = (asked + Math.Max(by, 0), now + by, Math.Max(most, now + by));
            }
        }
    }
}
