using System.Globalization;
using CsCheck;
using Npgsql;
using PointSystem.Api.Features.Points;
using PointSystem.Domain.Results;
using PointSystem.Locking;
using PointSystem.Locking.Keys;
using PointSystem.Tests.Domain;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Proof.Properties;

/// <summary>Property 9: commands with several locks and rows acquire them in the same order everywhere, so they cannot deadlock.</summary>
[Collection(ProofServer.Name)]
public sealed class SeveralLocksTests(ProofServer server)
{
    // Long enough that no wait times out: a timeout is a valid refusal, but here it would hide a deadlock.
    private static readonly (string, string)[] LongWaits = [.. new[] { "use:member", "accumulate:member", "cancel:usage", "cancel:accumulation" }
        .Select(operation => ($"Locking:Operations:point:{operation}:WaitSeconds", "60"))];

    [Theory]
    [InlineData(LockMode.Distributed)]
    [InlineData(LockMode.Row)]
    [InlineData(null)]
    public async Task Writes_TransfersInAllDirections_NeitherDeadlockNorGetLost(LockMode? mode)
    {
        await using var database = await server.CreateAsync(Token);
        await database.WatchDeadlocksAsync();
        var replicas = await StartAsync(database, replica => mode is { } one ? new FixedMode(one) : new RandomModes(replica));
        foreach (var (seed, count) in new[] { (201, 2), (202, 3), (203, 5) })
        {
            long[] members = [.. Enumerable.Range(0, count).Select(_ => PointsClient.NewMember())];
            var load = new Load(replicas, seed, members)
            {
                Choose = random => random.Next(10) switch { < 3 => StepKind.Accumulate, 3 => StepKind.Use, _ => StepKind.Transfer },
            };
            await load.RunAsync(callers: 24, steps: 10, Token);
            Assert.Equal(0, load.TimedOut);
            await database.AssertLinearizableAsync(load, members);
            Assert.Contains(load.Operations, operation => operation.Refusal == PointErrorCodes.InvalidRequest);
            Assert.Contains(load.Operations, operation => operation is { Refusal: null, Step.Kind: StepKind.Transfer });
        }
        await StopAsync(replicas);
        Assert.Equal(0, await database.CountDeadlocksAsync());
    }

    /// <summary>Each member transfers to the next one, all at once and repeatedly: each transfer needs a row that another one holds.</summary>
    [Theory]
    [InlineData(LockMode.Distributed, 2)]
    [InlineData(LockMode.Distributed, 7)]
    [InlineData(LockMode.Row, 7)]
    public async Task Transfers_InACircle_AllSucceed(LockMode mode, int count)
    {
        await using var database = await server.CreateAsync(Token);
        await database.WatchDeadlocksAsync();
        var replicas = await StartAsync(database, _ => new FixedMode(mode));
        long[] members = [.. Enumerable.Range(0, count).Select(_ => PointsClient.NewMember())];
        await Task.WhenAll(members.Select(member => replicas[0].SendAsync(new AccumulatePoints.Command(member, 15, null, false, null, "test", null), Token)));
        for (var round = 0; round < 4; round++)
        {
            var outcomes = await Task.WhenAll(members.SelectMany((from, i) => replicas.Select(replica =>
                replica.SendAsync(new TransferPoints.Command(from, members[(i + 1) % count], 1, null, "test", null), Token))));
            Assert.All(outcomes, outcome => Assert.Null(outcome.Error));
        }
        await Books.AssertBalancedAsync(database.ConnectionString, members);
        Assert.Equal(15L * count, await Books.CountAsync(database.ConnectionString, "SELECT sum(balance)::bigint FROM member_wallets"));
        await StopAsync(replicas);
        Assert.Equal(0, await database.CountDeadlocksAsync());
    }

    [Fact]
    public async Task Transfer_LowerWalletHeld_WaitsWithoutHoldingTheHigher()
    {
        await using var database = await server.CreateAsync(Token);
        await using var replica = await PointReplica.StartAsync(database.ConnectionString, new LyingLockStore(), new FixedMode(LockMode.Row));
        var (low, high) = (PointsClient.NewMember(), PointsClient.NewMember());
        foreach (var member in new[] { low, high })
        {
            await replica.SendAsync(new AccumulatePoints.Command(member, 15, null, false, null, "test", null), Token);
        }
        await using var held = await HeldTransaction.LockWalletsAsync(database.ConnectionString, low);
        var transfer = replica.SendAsync(new TransferPoints.Command(high, low, 5, null, "test", null), Token);
        await held.WaitForWaitersAsync();

        // With NOWAIT this fails if the transfer already holds the higher wallet.
        await held.ExecuteAsync("SELECT 1 FROM member_wallets WHERE member_id = $1 FOR UPDATE NOWAIT", high);
        await held.RollbackAsync();
        Assert.Null((await transfer).Error);
    }

    /// <summary>Guards the counter: it does count a deadlock.</summary>
    [Fact]
    public async Task CountDeadlocks_TwoWalletsLockedCrosswise_IsOne()
    {
        await using var database = await server.CreateAsync(Token);
        await database.WatchDeadlocksAsync();
        await database.DataSource.ExecuteAsync("INSERT INTO member_wallets (member_id) VALUES (1), (2)");
        await using (var one = await database.DataSource.OpenConnectionAsync(Token))
        await using (var two = await database.DataSource.OpenConnectionAsync(Token))
        {
            await using var first = await one.BeginTransactionAsync(Token);
            await using var second = await two.BeginTransactionAsync(Token);
            await LockAsync(one, 1);
            await LockAsync(two, 2);
            var failures = await Task.WhenAll(
                Record.ExceptionAsync(() => LockAsync(one, 2, "")).AsTask(), Record.ExceptionAsync(() => LockAsync(two, 1, "")).AsTask());
            var failed = Assert.Single(failures, failure => failure is not null);
            Assert.Equal(PostgresErrorCodes.DeadlockDetected, Assert.IsType<PostgresException>(failed).SqlState);
        }
        Assert.Equal(1, await database.CountDeadlocksAsync());
    }

    [Fact]
    public void Compare_AnyKeys_IsATotalOrderInWhichMembersAscend()
    {
        var id = Gen.OneOf(Gen.Long[1, 30].Select(Text), Gen.Long[1, long.MaxValue].Select(Text), Gen.Const("007"), Gen.Const("1a"), Gen.Const("a"));
        var operation = Gen.OneOf(Gen.Const("point:use:member:"), Gen.Const("point:accumulate:member:"), Gen.Const("point:cancel:usage:"));
        var key = Gen.Select(operation, id, (prefix, of) => prefix + of);
        var order = LockKeyOrder.Instance;
        Gen.Select(key, key, key).Sample((a, b, c) =>
        {
            Assert.Equal(Math.Sign(order.Compare(a, b)), -Math.Sign(order.Compare(b, a)));
            Assert.Equal(a == b, order.Compare(a, b) == 0);
            Assert.False(order.Compare(a, b) <= 0 && order.Compare(b, c) <= 0 && order.Compare(a, c) > 0, $"{a} <= {b} <= {c}, but not {a} <= {c}");
        });
        Gen.Select(Gen.Long[1, long.MaxValue], Gen.Long[1, long.MaxValue]).Sample((from, to) =>
            {
                var keys = from == to ? 0 : Math.Sign(order.Compare($"point:use:member:{Text(from)}", $"point:accumulate:member:{Text(to)}"));
                Assert.Equal(Math.Sign(from.CompareTo(to)), keys);
            });
    }

    private static string Text(long id) => id.ToString(CultureInfo.InvariantCulture);

    private static async Task LockAsync(NpgsqlConnection connection, long member, string option = "NOWAIT")
    {
        await using var command = new NpgsqlCommand($"SELECT 1 FROM member_wallets WHERE member_id = $1 FOR UPDATE {option}", connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = member });
        await command.ExecuteNonQueryAsync(Token);
    }

    private static Task<PointReplica[]> StartAsync(PropertyDatabase database, Func<int, ILockModeSource> modes)
    {
        var store = new MemoryLockStore(TimeProvider.System);
        return Task.WhenAll(Enumerable.Range(0, 3).Select(i => PointReplica.StartAsync(database.ConnectionString, store, modes(i), LongWaits)));
    }

    private static async Task StopAsync(PointReplica[] replicas)
    {
        foreach (var replica in replicas)
        {
            await replica.DisposeAsync();
        }
    }
}
