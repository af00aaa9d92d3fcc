using Npgsql;
using PointSystem.Locking;
using PointSystem.Tests.Features;
using PointSystem.Tests.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Reconciliation;

public sealed class FullReconcilerTests(PointsDatabase server) : IAsyncLifetime
{
    private readonly MemoryLockStore _store = new(TimeProvider.System);
    private NpgsqlDataSource _database = null!;
    private LockReplica _replica = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync(null, Token);
        _replica = await LockReplica.StartAsync(_store, []);
    }

    public async ValueTask DisposeAsync()
    {
        await _replica.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Run_SomeMembersWrong_CountsAndNamesThem()
    {
        var members = await GrantAsync(7);
        await Reconcilers.TamperAsync(_database, "UPDATE member_wallets SET balance = balance + 1 WHERE member_id = @m", members[1]);
        await Reconcilers.TamperAsync(_database, "DELETE FROM member_wallets WHERE member_id = @m", members[6]);
        await Reconcilers.TamperAsync(_database, "UPDATE point_ledger_entries SET delta = delta + 1 WHERE member_id = @m", members[4]);
        await using var reconcilers = new Reconcilers(_database, _replica.Runner(), chunk: 3);

        var run = await reconcilers.All.RunAsync("admin", Token);

        Assert.Equal(("COMPLETED", false, 7, 4, 2, 1), (run.Status, run.Resumed, run.Members, run.Matched, run.Corrected, run.Broken));
        Assert.Equal(
            [(members[1], "CORRECTED"), (members[4], "BROKEN"), (members[6], "CORRECTED")],
            run.Details.Select(detail => (detail.MemberId, detail.Status)));
        Assert.Equal(members[6], run.LastMemberId);
        var again = await reconcilers.All.RunAsync("admin", Token);
        Assert.Equal((7, 6, 0, 1), (again.Members, again.Matched, again.Corrected, again.Broken));
        Assert.Equal(again.RunId, (await reconcilers.All.FindLatestAsync(Token))!.RunId);
    }

    [Fact]
    public async Task Run_InterruptedInTheMiddle_IsResumedAndCountsEachMemberOnce()
    {
        await GrantAsync(7);
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var chunks = 0;
        void Progressed()
        {
            if (++chunks == 2)
            {
                interrupt.Cancel();
            }
        }
        await using (var first = new Reconcilers(_database, _replica.Runner(), chunk: 2, Progressed))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.All.RunAsync("first", interrupt.Token));
            var progress = (await first.All.FindLatestAsync(Token))!;
            Assert.Equal(("RUNNING", 4), (progress.Status, progress.Members));
        }

        await using var second = new Reconcilers(_database, _replica.Runner(), chunk: 2);
        var run = await second.All.RunAsync("second", Token);

        Assert.Equal(("COMPLETED", true, 7, 7), (run.Status, run.Resumed, run.Members, run.Matched));
    }

    [Fact]
    public async Task Run_WhileAnotherRuns_IsRefused()
    {
        await GrantAsync(7);
        await using var first = new Reconcilers(_database, _replica.Runner(), chunk: 2);
        await using var replica = await LockReplica.StartAsync(_store, []);
        await using var second = new Reconcilers(_database, replica.Runner(), chunk: 2);
        var (between, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        var asked = 0;
        _store.AfterTryLock = async _ =>
        {
            // The first has both of its keys, and begins only when it hears of the second.
            if (Interlocked.Increment(ref asked) == 2)
            {
                between.SetResult();
                await goOn.Task;
            }
        };
        var running = first.All.RunAsync("first", Token);
        await between.Task.WaitAsync(Token);

        await Assert.ThrowsAsync<LockNotAcquiredException>(() => second.All.RunAsync("second", Token));
        goOn.SetResult();

        var run = await running;
        Assert.Equal((7, 7, false), (run.Members, run.Matched, run.Resumed));
    }

    [Fact]
    public async Task Run_RunnerDiedLongAgo_IsTakenOver()
    {
        await GrantAsync(3);
        await using (var insert = _database.CreateCommand(
            """
            INSERT INTO reconciliation_runs (started_at, updated_at, started_by, runner, last_member_id, matched, corrected, broken, details)
            VALUES (now(), now() - interval '31 seconds', 'dead', gen_random_uuid(), 0, 0, 0, 0, '[]')
            """))
        {
            await insert.ExecuteNonQueryAsync(Token);
        }

        await using var reconcilers = new Reconcilers(_database, _replica.Runner(), chunk: 2);
        var run = await reconcilers.All.RunAsync("next", Token);
        Assert.Equal(("COMPLETED", true, 3), (run.Status, run.Resumed, run.Members));
    }

    private async Task<long[]> GrantAsync(int members)
    {
        var shop = new Shop(_database, 1);
        var ids = Enumerable.Range(0, members).Select(_ => PointsClient.NewMember()).Order().ToArray();
        foreach (var id in ids)
        {
            Assert.Null((await shop.AccumulateAsync(id, 100)).Error);
        }

        return ids;
    }
}
